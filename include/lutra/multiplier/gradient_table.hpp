// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/multiplier/gradient_table.hpp allocates, and serves training: fine-tune on a host."
#endif

#include <lutra/core/panic.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {

/// The slopes of a multiplier's product f(a, w): how it changes with the activation, df/da, and with the weight, df/dw, for
/// all pairs of signed 8-bit operands. A circuit's product is a staircase, so differences are taken of the moving average
/// over 2 * window + 1 neighbours (Meng and others, arXiv 2509.10519, 2025),
///
///     (f(a + 1 + window) + f(a + window) - f(a - window) - f(a - window - 1)) / (2 (2 * window + 1)),
///
/// within +-127, which is all that quantisation gives; where that would be left, the neighbours on one side count, those of
/// the nearest operand that has enough on both. The slopes of the exact product are w and a exactly. -128 has the slopes of
/// -127.
///
/// @code
/// const lutra::gradient_table slopes{lutra::lower(lutra::drum<4>{})};
/// slopes.lhs(100, -3); // about -3
/// @endcode
class gradient_table {
public:
    static constexpr std::size_t entries = 65536;
    static constexpr int default_window = 8;

    /// Panics unless @p m has signed operands and 0 <= @p window <= 126.
    explicit gradient_table(const lowered_multiplier& m, int window = default_window) : lhs_(entries), rhs_(entries) {
        require(m.signed_operands(), panic_code::unsupported, "a gradient_table is of a multiplier of signed operands");
        require(window >= 0 && window <= 126, panic_code::bad_argument, "the window of a gradient_table must be 0 to 126",
                window);
        const auto product = [&](int a, int w) {
            return static_cast<double>(m.multiply(static_cast<std::int8_t>(a), static_cast<std::int8_t>(w)));
        };
        for (int i = -128; i <= 127; ++i)
            for (int j = -128; j <= 127; ++j) {
                lhs_[at(i, j)] = slope(i, window, [&](int a) { return product(a, std::max(j, -127)); });
                rhs_[at(i, j)] = slope(j, window, [&](int w) { return product(std::max(i, -127), w); });
            }
    }

    /// df/da at activation @p a and weight @p w.
    [[nodiscard]] float lhs(std::int8_t a, std::int8_t w) const noexcept { return lhs_[at(a, w)]; }
    /// df/dw.
    [[nodiscard]] float rhs(std::int8_t a, std::int8_t w) const noexcept { return rhs_[at(a, w)]; }
    /// All of them, [activation's bits][weight's bits].
    [[nodiscard]] std::span<const float> lhs() const noexcept { return lhs_; }
    [[nodiscard]] std::span<const float> rhs() const noexcept { return rhs_; }

private:
    static std::size_t at(int a, int w) noexcept {
        return static_cast<std::size_t>(static_cast<std::uint8_t>(a)) << 8 | static_cast<std::uint8_t>(w);
    }
    template <class F>
    static float slope(int x, int window, F&& f) {
        const int reach = 127 - window - 1, c = std::clamp(x, -reach, reach);
        const double rise = f(c + 1 + window) + f(c + window) - f(c - window) - f(c - window - 1);
        return static_cast<float>(rise / (2 * (2 * window + 1)));
    }

    std::vector<float> lhs_, rhs_;
};

} // namespace lutra
