// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/sample_grid.hpp>

#include <string_view>

namespace lutra {

/// e^x on [-ln 2, 0], what softmax needs once powers of two are taken out; tables of it have 16 bits.
struct reduced_exponential : natural_exponential {
    static constexpr std::string_view name = "exp_reduced";
};
/// 1 / x on [1, 2), likewise.
struct reduced_reciprocal : reciprocal {
    static constexpr std::string_view name = "div_reduced";
};
/// 1 / sqrt(x) on [1, 4), what layer normalisation needs once powers of four are taken out.
struct reduced_reciprocal_sqrt : reciprocal_sqrt {
    static constexpr std::string_view name = "rsqrt_reduced";
};

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
template <>
inline constexpr sample_grid pwl_grid<reduced_exponential>{-178, 179, 256};
template <>
inline constexpr sample_grid pwl_grid<reduced_reciprocal>{256, 256, 256};
template <>
inline constexpr sample_grid pwl_grid<reduced_reciprocal_sqrt>{256, 768, 256};

/// The format of a function's frozen tables: 8 bits of which 6 are fraction, where those hold it.
template <real_function F>
inline constexpr pwl_format pwl_format_of{};
template <>
inline constexpr pwl_format pwl_format_of<reciprocal>{.slope{10, 6}, .intercept{10, 6}};
template <>
inline constexpr pwl_format pwl_format_of<reciprocal_sqrt>{.slope{10, 6}, .intercept{10, 6}};
template <>
inline constexpr pwl_format pwl_format_of<reduced_exponential>{.slope{16, 13}, .intercept{16, 13}};
template <>
inline constexpr pwl_format pwl_format_of<reduced_reciprocal>{.slope{16, 13}, .intercept{16, 13}};
template <>
inline constexpr pwl_format pwl_format_of<reduced_reciprocal_sqrt>{.slope{16, 13}, .intercept{16, 13}};

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
template <>
inline constexpr pwl_table<8, pwl_format_of<reduced_exponential>> pwl_frozen<reduced_exponential, 8>{
    .slope{4281, 4718, 5167, 5653, 6174, 6715, 7286, 7904},
    .intercept{7061, 7323, 7550, 7752, 7922, 8052, 8142, 8189},
    .breakpoint{-2448, -2064, -1696, -1328, -976, -640, -304},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<reduced_exponential>> pwl_frozen<reduced_exponential, 16>{
    .slope{4186, 4406, 4619, 4843, 5076, 5320, 5567, 5811, 6066, 6331, 6606, 6884, 7156, 7442, 7744, 8039},
    .intercept{6997, 7139, 7266, 7389, 7506, 7617, 7718, 7807, 7889, 7963, 8028, 8082, 8124, 8157, 8180, 8191},
    .breakpoint{-2640, -2432, -2240, -2048, -1856, -1664, -1488, -1312, -1136, -960, -784, -624, -464, -304, -144},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<reduced_reciprocal>> pwl_frozen<reduced_reciprocal, 8>{
    .slope{-7566, -6410, -5416, -4570, -3842, -3223, -2697, -2246},
    .intercept{15750, 14497, 13326, 12241, 11224, 10280, 9404, 8582},
    .breakpoint{4448, 4832, 5264, 5728, 6256, 6832, 7472},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<reduced_reciprocal>> pwl_frozen<reduced_reciprocal, 16>{
    .slope{-7875, -7261, -6680, -6151, -5662, -5194, -4770, -4388, -4022, -3682, -3373, -3096, -2832, -2591, -2365, -2156},
    .intercept{16065, 15426, 14796, 14198, 13622, 13047, 12503, 11992, 11481, 10985, 10514, 10073, 9634, 9215, 8804, 8406},
    .breakpoint{4272, 4448, 4640, 4832, 5040, 5264, 5488, 5728, 5984, 6256, 6528, 6816, 7136, 7456, 7808},
    .exponent{}};
template <>
inline constexpr pwl_table<8, pwl_format_of<reduced_reciprocal_sqrt>> pwl_frozen<reduced_reciprocal_sqrt, 8>{
    .slope{-3602, -2774, -2140, -1649, -1275, -983, -758, -583},
    .intercept{11780, 10798, 9903, 9079, 8333, 7641, 7007, 6420},
    .breakpoint{4864, 5792, 6880, 8176, 9712, 11552, 13744},
    .exponent{}};
template <>
inline constexpr pwl_table<16, pwl_format_of<reduced_reciprocal_sqrt>> pwl_frozen<reduced_reciprocal_sqrt, 16>{
    .slope{-3854, -3384, -2974, -2614, -2293, -2012, -1768, -1554, -1370, -1202, -1056, -926, -813, -712, -624, -547},
    .intercept{12043, 11532, 11046, 10581, 10129, 9697, 9288, 8897, 8531, 8167, 7822, 7487, 7169, 6859, 6564, 6282},
    .breakpoint{4464, 4864, 5296, 5776, 6304, 6880, 7488, 8160, 8880, 9680, 10560, 11536, 12576, 13744, 15008},
    .exponent{}};

} // namespace lutra
