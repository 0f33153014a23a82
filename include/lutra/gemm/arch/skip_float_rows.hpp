// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/gemm/arch/skip_floats.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

/// @file
/// Rows of a matrix that lies as it is, added up by lists. Where the rows that lists name stay in the L1 cache, a fused
/// operation and its load are all that an element costs: as many a cycle as the dense kernel makes.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t skip_row_registers = 12; ///< sums that a row has in registers, at most

/// What the sums of a row start from and become.
enum class row_sums : std::uint8_t {
    set,      ///< from 0, C = them
    go_on,    ///< from C, C = them: in parts the bits of one sum
    add_to_c, ///< from 0, C += them
};

/// @p c = the sum over the list, in order, of value * row of @p b, whose rows lie @p stride floats apart: Registers
/// registers, of which the last has @p last columns.
template <std::size_t Registers, bool Whole>
inline void add_listed_rows(const kept_floats& a, const float* b, std::size_t stride, float* c, std::size_t last,
                            row_sums how) noexcept {
    float_batch s[Registers];
    const auto of = [last](std::size_t r) { return Whole || r + 1 < Registers ? float_lanes : last; };
#pragma GCC unroll 12
    for (std::size_t r = 0; r < Registers; ++r)
        s[r] = how == row_sums::go_on ? load_some(c + r * float_lanes, of(r)) : broadcast(0.0f);
    for (std::size_t i = 0; i < a.count; ++i) {
        const float_batch v = broadcast(a.values[i]);
        const float* row = b + a.rows[i] * stride;
#pragma GCC unroll 12
        for (std::size_t r = 0; r < Registers; ++r) s[r] = multiply_add(v, load_some(row + r * float_lanes, of(r)), s[r]);
    }
#pragma GCC unroll 12
    for (std::size_t r = 0; r < Registers; ++r) {
        float* const to = c + r * float_lanes;
        store_some(to, how == row_sums::add_to_c ? load_some(to, of(r)) + s[r] : s[r], of(r));
    }
}

/// The kernels of 1 to skip_row_registers registers.
template <bool Whole, class = std::make_index_sequence<skip_row_registers>>
struct row_kernels;
template <bool Whole, std::size_t... Registers>
struct row_kernels<Whole, std::index_sequence<Registers...>> {
    static constexpr std::array all{&add_listed_rows<Registers + 1, Whole>...}; ///< [registers - 1]
};

/// Calls `f(j, kernel, last)` for groups of columns, as equal as can be, of @p n: of at most @p most registers each.
template <class F>
inline void for_each_row_group(std::size_t n, std::size_t most, F&& f) {
    const std::size_t registers = (n + float_lanes - 1) / float_lanes, groups = (registers + most - 1) / most;
    for (std::size_t g = 0, j = 0; g < groups; ++g) {
        const std::size_t here = registers / groups + (g < registers % groups), width = std::min(here * float_lanes, n - j);
        const std::size_t last = width - (here - 1) * float_lanes;
        f(j, (last == float_lanes ? row_kernels<true>::all : row_kernels<false>::all)[here - 1], last);
        j += width;
    }
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
