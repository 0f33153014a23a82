// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/isa.hpp>
#include <lutra/multiplier/plan_kind.hpp>

#include <array>
#include <cstddef>

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
    double table16, table8, table32; ///< a product looked up among such entries, in exact products
    double wide;                     ///< a product of 16-bit factors, in exact products
};

/// One row for each of all_isas: the time of a product by the table kernels over that of the exact one, the geometric mean
/// over layers of a ViT-S at 197 rows and of batches of 2,048 rows; one thread, medians. The rows avx2 and avx512bw are
/// measured (Skylake-SP), scalar too (a look-up costs what a plain multiplication does); the others are estimates from
/// the instructions of the inner loops.
inline constexpr std::array<isa_times, all_isas.size()> isa_times_v{{
    {1.0, 1.0, 1.0, 1},    // scalar
    {4.0, 2.4, 20.0, 1},   // avx2
    {9.0, 5.0, 60.0, 3},   // avx_vnni
    {4.5, 2.6, 35.0, 1},   // avx512bw
    {11.0, 6.0, 100.0, 3}, // avx512vnni
    {8.0, 4.5, 100.0, 3},  // avx512vbmi
    {6.0, 3.5, 15.0, 1},   // neon
    {12.0, 7.0, 40.0, 4},  // neon_dot
}};

} // namespace detail::mul

/// The predicted time of a matrix product under a plan, in times of the exact plan on the same instruction set.
[[nodiscard]] constexpr double predicted_time(plan_shape plan, isa on) noexcept {
    const detail::mul::isa_times& t = detail::mul::isa_times_v[static_cast<std::size_t>(on)];
    const double table = plan.products16 ? t.table16 : t.table32;
    const double terms = static_cast<double>(plan.rank) * (plan.factors == factor_width::bits16 ? t.wide : 1);
    switch (plan.kind) {
    case plan_kind::exact: return 1;
    case plan_kind::separable: return terms;
    case plan_kind::error_plane: return terms + t.table8;
    case plan_kind::table: return table;
    }
    return table;
}

} // namespace lutra
