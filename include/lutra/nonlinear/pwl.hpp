// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/sample_grid.hpp>

#include <string_view>

namespace lutra {

/// The grid on which a function's frozen tables are optimal: the published one, where there is one. Specialise it (and, if
/// the parameters do not fit, pwl_format_of) for a function of your own.
template <real_function F>
inline constexpr sample_grid pwl_grid = published_grid<F>;
template <>
inline constexpr sample_grid pwl_grid<silu>{-400, 800, 50};
template <>
inline constexpr sample_grid pwl_grid<sigmoid>{-400, 800, 50};
template <>
inline constexpr sample_grid pwl_grid<hyperbolic_tangent>{-400, 800, 100};

/// The format of a function's frozen tables: 8 bits of which 6 are fraction, where those hold it.
template <real_function F>
inline constexpr pwl_format pwl_format_of{};
template <>
inline constexpr pwl_format pwl_format_of<reciprocal>{.slope{10, 6}, .intercept{10, 6}};
template <>
inline constexpr pwl_format pwl_format_of<reciprocal_sqrt>{.slope{10, 6}, .intercept{10, 6}};

/// The table of least mean square with @p N entries on pwl_grid<F>. Those of the functions above, of gelu, hswish,
/// natural_exponential, reciprocal and reciprocal_sqrt with 8 and 16 entries are written down below, so that no translation
/// unit pays for the search; any other is computed by the compiler, which may need a higher limit for it.
template <real_function F, int N, pwl_format Format = pwl_format_of<F>>
inline constexpr pwl_table<N, Format> pwl_frozen = fit_table<N, Format>(F{}, pwl_grid<F>);

/// A function by its frozen table, as a policy.
///
/// @code
/// constexpr auto& table = lutra::pwl<lutra::gelu, 8>::table;
/// static_assert(table(-0.5) == (11 * -0.5 - 4) / 64);
/// @endcode
template <real_function F, int N, pwl_format Format = pwl_format_of<F>>
struct pwl {
    using function = F;
    static constexpr int entries = N;
    static constexpr std::string_view name = F::name;
    static constexpr const pwl_table<N, Format>& table = pwl_frozen<F, N, Format>;
    /// The table's value; the function's own is function::at.
    [[nodiscard]] static constexpr double at(double x) noexcept { return table(x); }
};

// Printed by the test of frozen tables, which equates each with the fit.
template <>
inline constexpr pwl_table<8, pwl_format_of<gelu>> pwl_frozen<gelu, 8>{
    .slope{0, -2, -7, 9, 29, 53, 71, 64},
    .intercept{0, -6, -17, -5, 0, -4, -17, 0},
    .breakpoint{-12288, -9012, -3072, -1024, 696, 2990, 9953},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<gelu>> pwl_frozen<gelu, 16>{
    .slope{0, -2, -5, -9, -6, 1, 12, 21, 35, 47, 60, 69, 71, 70, 66, 64},
    .intercept{0, -6, -13, -20, -16, -10, -4, -1, 0, -2, -8, -15, -17, -15, -6, 0},
    .breakpoint{-12288, -9544, -7168, -5448, -3482, -2212, -1352, -287, 696, 1925, 3194, 5038, 6594, 9216, 12288},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<hswish>> pwl_frozen<hswish, 8>{
    .slope{0, -21, 0, 21, 43, 64, 85, 64},
    .intercept{0, -65, -23, -2, -2, -23, -65, 0},
    .breakpoint{-12084, -8192, -4096, 0, 4096, 8192, 12124},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<hswish>> pwl_frozen<hswish, 16>{
    .slope{0, -29, -19, -11, -2, 5, 17, 25, 35, 45, 54, 64, 74, 83, 93, 64},
    .intercept{0, -87, -61, -43, -27, -17, -5, -1, 0, -4, -11, -24, -41, -61, -87, 0},
    .breakpoint{-12288, -10650, -9216, -7250, -5817, -4096, -2048, -410, 1638, 3194, 5324, 6963, 9134, 10649, 12288},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<silu>> pwl_frozen<silu, 8>{
    .slope{-1, -4, -5, 9, 32, 55, 69, 65},
    .intercept{-7, -21, -25, -8, 1, -8, -25, -7},
    .breakpoint{-19088, -11060, -4916, -1557, 1638, 4997, 18432},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<silu>> pwl_frozen<silu, 16>{
    .slope{0, -1, -3, -6, -1, 5, 14, 24, 36, 48, 58, 65, 70, 67, 65, 64},
    .intercept{0, -7, -17, -27, -19, -12, -5, -1, 0, -4, -11, -19, -27, -17, -7, 0},
    .breakpoint{-28672, -20480, -13599, -6554, -4752, -3113, -1639, -328, 1392, 2867, 4751, 6553, 13680, 20480, 28672},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<sigmoid>> pwl_frozen<sigmoid, 8>{
    .slope{0, 1, 4, 10, 15, 7, 2, 0},
    .intercept{0, 5, 15, 27, 32, 42, 55, 64},
    .breakpoint{-20480, -13599, -8192, -4096, 5160, 10649, 18432},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<sigmoid>> pwl_frozen<sigmoid, 16>{
    .slope{0, -1, 1, 2, 4, 6, 11, 14, 16, 14, 11, 6, 4, 2, 1, 0},
    .intercept{0, -5, 5, 9, 15, 20, 28, 31, 32, 33, 36, 44, 49, 55, 59, 64},
    .breakpoint{-22528, -20480, -16384, -12288, -8520, -6554, -4096, -2048, 2048, 4096, 6553, 8601, 12288, 16384, 20480},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<hyperbolic_tangent>> pwl_frozen<hyperbolic_tangent, 8>{
    .slope{0, 2, 13, 35, 60, 35, 13, 1},
    .intercept{-64, -58, -38, -14, 0, 14, 38, 60},
    .breakpoint{-12288, -7414, -4465, -2294, 2293, 4505, 7536},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<hyperbolic_tangent>> pwl_frozen<hyperbolic_tangent, 16>{
    .slope{0, 2, 7, 14, 22, 32, 41, 51, 62, 47, 33, 22, 14, 7, 2, 0},
    .intercept{-64, -58, -48, -37, -27, -17, -10, -4, 0, 6, 16, 27, 37, 48, 58, 64},
    .breakpoint{-12288, -8192, -6431, -5120, -4096, -3154, -2458, -1475, 1638, 2949, 4096, 5120, 6471, 8192, 12288},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<natural_exponential>> pwl_frozen<natural_exponential, 8>{
    .slope{0, 1, 2, 5, 13, 24, 38, 52},
    .intercept{0, 5, 9, 18, 34, 48, 58, 63},
    .breakpoint{-20480, -16384, -12288, -8192, -5202, -2909, -1434},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<natural_exponential>> pwl_frozen<natural_exponential, 16>{
    .slope{0, 1, -1, -4, 2, 0, 2, 5, 11, 6, 12, 18, 29, 38, 48, 60},
    .intercept{0, 6, -5, -20, 10, 1, 9, 18, 31, 21, 32, 41, 52, 58, 62, 64},
    .breakpoint{-24576, -22528, -21054, -20480, -18432, -16384, -12288, -8848, -8192, -7496, -6144, -4096, -2704, -1639,
                -656},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<reciprocal>> pwl_frozen<reciprocal, 8>{
    .slope{-215, -142, -91, -57, -35, -19, -10, -5},
    .intercept{235, 191, 153, 121, 95, 70, 51, 36},
    .breakpoint{2498, 3072, 3891, 4874, 6430, 8683, 12288},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<reciprocal>> pwl_frozen<reciprocal, 16>{
    .slope{-234, -177, -135, -105, -82, -59, -43, -33, -25, -18, -14, -11, -9, -5, -7, -4},
    .intercept{245, 213, 186, 164, 145, 123, 105, 92, 80, 68, 60, 53, 48, 36, 43, 32},
    .breakpoint{2334, 2662, 3031, 3399, 3932, 4628, 5324, 6144, 7045, 8192, 9584, 10240, 12288, 14336, 15032},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<reciprocal_sqrt>> pwl_frozen<reciprocal_sqrt, 8>{
    .slope{-199, -114, -65, -37, -22, -14, -9, -5},
    .intercept{177, 147, 122, 101, 85, 73, 63, 52},
    .breakpoint{1474, 2129, 3072, 4382, 6144, 8192, 11264},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<reciprocal_sqrt>> pwl_frozen<reciprocal_sqrt, 16>{
    .slope{-236, -187, -145, -110, -83, -64, -48, -35, -30, -23, -22, -14, -9, -6, -2, -4},
    .intercept{187, 173, 159, 145, 132, 121, 110, 99, 94, 86, 85, 73, 63, 55, 41, 48},
    .breakpoint{1187, 1392, 1638, 2007, 2375, 2826, 3481, 4014, 4710, 5611, 6144, 8192, 10936, 14336, 14827},
    .exponent{}};

} // namespace lutra
