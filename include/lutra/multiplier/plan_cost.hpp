// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/isa.hpp>
#include <lutra/multiplier/plan_kind.hpp>

#include <array>
#include <cstddef>
#include <limits>

/// @file
/// What a plan is expected to cost, so that lower() can choose.

namespace lutra {

/// The shape of a plan, as far as its time depends on it.
struct plan_shape {
    plan_kind kind = plan_kind::exact;
    std::size_t rank = 1;                       ///< of the separable part
    factor_width factors = factor_width::bits8; ///< of the separable part
    bool products16 = true;                     ///< table: every product fits 16 bits
};

namespace detail::mul {

struct isa_times {
    double table16, table32; ///< a product looked up, in exact products
    bool takes_16_bits;      ///< the exact kernel multiplies 16-bit factors at the speed of 8-bit ones
};

/// One row for each of all_isas: the time of a 256 x 1024 x 1024 product by the table kernel over that of the exact one on
/// the same machine, one thread, medians. Rows without such a machine are estimates from the instructions of an inner loop.
inline constexpr std::array<isa_times, all_isas.size()> isa_times_v{{
    {3.0, 3.0, true},   // scalar
    {4.5, 9.0, true},   // avx2
    {9.0, 18.0, false}, // avx_vnni
    {3.0, 9.0, true},   // avx512bw
    {9.0, 18.0, false}, // avx512vnni
    {9.0, 18.0, false}, // avx512vbmi
    {8.0, 16.0, true},  // neon
    {8.0, 16.0, false}, // neon_dot
}};

} // namespace detail::mul

/// The predicted time of a matrix product under a plan, in times of the exact plan on the same instruction set. Infinity
/// where the kernels for @p on do not take the plan's factors: an 8-bit dot product has no use for 16-bit ones.
[[nodiscard]] constexpr double predicted_time(plan_shape plan, isa on) noexcept {
    const detail::mul::isa_times& t = detail::mul::isa_times_v[static_cast<std::size_t>(on)];
    const double table = plan.products16 ? t.table16 : t.table32;
    const bool usable = t.takes_16_bits || plan.factors != factor_width::bits16;
    const double terms = usable ? static_cast<double>(plan.rank) : std::numeric_limits<double>::infinity();
    switch (plan.kind) {
    case plan_kind::exact: return 1;
    case plan_kind::separable: return terms;
    case plan_kind::error_plane: return terms + t.table16 / 2; // a plane is half as wide as 16-bit products
    case plan_kind::table: return table;
    }
    return table;
}

} // namespace lutra
