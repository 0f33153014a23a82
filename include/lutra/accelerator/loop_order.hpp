// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/report.hpp>
#include <lutra/core/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra {

/// A loop of a tiled matrix product, out(b, i, j) += lhs(b, i, k) rhs(b, k, j).
enum class tile_loop : std::uint8_t { b, i, j, k };

/// The order of the four loops over tiles, outermost first: one of 24. It decides which operand a lane finds where the tile
/// before left it.
class loop_order {
public:
    constexpr loop_order() noexcept = default; ///< b i j k
    /// From letters, outermost first, apart or with an underscore or comma between: "bijk", "b_i_j_k". An error unless each
    /// of b, i, j and k is there once.
    [[nodiscard]] static constexpr result<loop_order> from(std::string_view letters) {
        loop_order o;
        std::size_t n = 0;
        bool seen[4]{}, right = true;
        for (const char c : letters) {
            if (c == '_' || c == ',' || c == ' ') continue;
            const std::size_t which = std::string_view{"bijk"}.find(c);
            if (which == std::string_view::npos || n == 4 || seen[which]) {
                right = false;
                break;
            }
            seen[which] = true;
            o.loops_[n++] = static_cast<tile_loop>(which);
        }
        if (!right || n != 4)
            return error{error_code::malformed, 0,
                         text<320>{} << "the loop order '" << letters
                                     << "' is no permutation; expected each of b, i, j and k once, such as b_i_j_k"};
        return o;
    }
    /// All 24, @p index from 0, in the order of the alphabet.
    [[nodiscard]] static constexpr loop_order nth(std::size_t index) noexcept {
        loop_order o;
        std::array<tile_loop, 4> left{tile_loop::b, tile_loop::i, tile_loop::j, tile_loop::k};
        std::size_t size = 4, block = 6;
        for (std::size_t n = 0; n < 4; ++n) {
            const std::size_t which = index / block % size;
            index %= block;
            o.loops_[n] = left[which];
            for (std::size_t m = which; m + 1 < size; ++m) left[m] = left[m + 1];
            --size;
            if (size > 1) block /= size;
        }
        return o;
    }
    static constexpr std::size_t count = 24;

    /// Loop @p n, 0 the outermost.
    [[nodiscard]] constexpr tile_loop operator[](std::size_t n) const noexcept { return loops_[n]; }
    [[nodiscard]] constexpr text<8> name() const noexcept {
        text<8> t;
        for (std::size_t n = 0; n < 4; ++n) {
            if (n > 0) t << '_';
            t << "bijk"[static_cast<std::size_t>(loops_[n])];
        }
        return t;
    }
    friend constexpr bool operator==(const loop_order&, const loop_order&) = default;

private:
    std::array<tile_loop, 4> loops_{tile_loop::b, tile_loop::i, tile_loop::j, tile_loop::k};
};

/// How many tiles each loop of a product has.
struct tile_extents {
    std::uint64_t b = 1, i = 1, j = 1, k = 1;
    [[nodiscard]] constexpr std::uint64_t of(tile_loop l) const noexcept {
        return l == tile_loop::b ? b : l == tile_loop::i ? i : l == tile_loop::j ? j : k;
    }
    [[nodiscard]] constexpr std::uint64_t tiles() const noexcept { return b * i * j * k; }
};

/// A tile of a product: where each loop is.
struct tile_position {
    std::uint64_t b = 0, i = 0, j = 0, k = 0;
    [[nodiscard]] constexpr std::uint64_t& of(tile_loop l) noexcept {
        return l == tile_loop::b ? b : l == tile_loop::i ? i : l == tile_loop::j ? j : k;
    }
    /// The next one in the order @p o; wraps after the last.
    constexpr void advance(const tile_extents& e, const loop_order& o) noexcept {
        for (std::size_t n = 4; n-- > 0;) {
            std::uint64_t& at = of(o[n]);
            if (++at < e.of(o[n])) return;
            at = 0;
        }
    }
    /// Whether a lane that holds the operands of @p before has the left (right) one of this tile already.
    [[nodiscard]] constexpr bool shares_lhs(const tile_position& before) const noexcept {
        return b == before.b && i == before.i && k == before.k;
    }
    [[nodiscard]] constexpr bool shares_rhs(const tile_position& before) const noexcept {
        return b == before.b && k == before.k && j == before.j;
    }
};

/// How many tiles find their left and right operand in their lane, where @p lanes lanes take the tiles of a product in turn:
/// in closed form. Tile n meets in its lane the operands of tile n - lanes; they share the left one where only j has moved.
struct operand_reuse {
    std::uint64_t lhs = 0, rhs = 0;
    [[nodiscard]] static constexpr operand_reuse of(const tile_extents& e, const loop_order& o, std::uint64_t lanes) {
        if (lanes >= e.tiles()) return {};
        const auto along = [&](tile_loop moving) -> std::uint64_t {
            std::uint64_t stride = 1; // tiles for each step of the moving loop
            for (std::size_t n = 4; n-- > 0 && o[n] != moving;) stride *= e.of(o[n]);
            const std::uint64_t extent = e.of(moving);
            if (stride == 0 || stride > lanes) return 0;
            const std::uint64_t steps = detail::divide(lanes, stride);
            if (steps * stride != lanes || steps >= extent) return 0;
            return detail::divide(e.tiles(), extent) * (extent - steps);
        };
        return {along(tile_loop::j), along(tile_loop::i)};
    }
};

} // namespace lutra
