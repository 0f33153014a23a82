// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/pwl_table.hpp>

/// @file
/// Tables of the functions that integer softmax and layer norm need, each on the range that is left when a power of two
/// (of four, for the root) is taken out, with 8 or 16 entries. They minimise the squared relative error, given their
/// formats and breakpoints in steps of 1/256 of the range.

namespace lutra {

/// Of the tables of 2^-x: slopes and breakpoints of 8 bits and a sign, so that 16 bits hold all of an evaluation.
inline constexpr pwl_format exp2_format{.slope = {8, 7}, .intercept = {16, 14}, .breakpoint = {9, 8}};
/// Of the others: 14 fraction bits of a slope and of an intercept, 12 of a breakpoint.
inline constexpr pwl_format reduced_format{.slope = {16, 14}, .intercept = {16, 14}, .breakpoint = {16, 12}};

/// Tables with @p N entries, 8 or 16.
template <int N>
struct reduced_tables;

template <>
struct reduced_tables<8> {
    using table = pwl_table<8, reduced_format>;
    /// 2^-x on [0, 1]; relative error below 1.1e-3.
    static constexpr pwl_table<8, exp2_format> exp2{.slope = {-85, -78, -71, -65, -60, -55, -51, -46},
                                                    .intercept = {16374, 16264, 16037, 15742, 15418, 15016, 14636, 14077},
                                                    .breakpoint = {32, 64, 96, 128, 160, 192, 224}};
    /// 1 / x on [1, 2]; relative error below 1.5e-3.
    static constexpr table reciprocal{.slope = {-14896, -12382, -10357, -8692, -7302, -6161, -5221, -4436},
                                      .intercept = {31256, 28496, 26061, 23875, 21882, 20100, 18503, 17055},
                                      .breakpoint = {4496, 4928, 5376, 5872, 6400, 6960, 7552}};
    /// 1 / sqrt(x) on [1, 4]; relative error below 2.5e-3.
    static constexpr table rsqrt{.slope = {-7059, -5325, -4040, -3084, -2377, -1849, -1450, -1146},
                                 .intercept = {23404, 21304, 19430, 17757, 16280, 14972, 13806, 12764},
                                 .breakpoint = {4960, 5968, 7168, 8560, 10144, 11968, 14032}};
};
template <>
struct reduced_tables<16> {
    using table = pwl_table<16, reduced_format>;
    /// 2^-x on [0, 1]; relative error below 3.2e-4.
    static constexpr pwl_table<16, exp2_format> exp2{
        .slope = {-87, -83, -80, -76, -73, -70, -67, -64, -61, -59, -56, -54, -52, -49, -47, -45},
        .intercept = {16382, 16350, 16303, 16208, 16111, 15991, 15848, 15680, 15486, 15341, 15101, 14924, 14734, 14422,
                      14195, 13952},
        .breakpoint = {16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240}};
    /// 1 / x on [1, 2]; relative error below 4e-4.
    static constexpr table reciprocal{
        .slope = {-15643, -14251, -12991, -11852, -10822, -9920, -9100, -8332, -7636, -7006, -6435, -5917, -5447, -5020,
                  -4622, -4261},
        .intercept = {32021, 30564, 29181, 27872, 26634, 25499, 24423, 23370, 22372, 21429, 20537, 19694, 18895, 18139,
                      17405, 16712},
        .breakpoint = {4288, 4496, 4704, 4928, 5152, 5376, 5616, 5872, 6128, 6400, 6672, 6960, 7248, 7552, 7872}};
    /// 1 / sqrt(x) on [1, 4]; relative error below 6.5e-4.
    static constexpr table rsqrt{
        .slope = {-7588, -6526, -5651, -4924, -4292, -3745, -3273, -2868, -2519, -2220, -1962, -1739, -1542, -1369, -1217,
                  -1083},
        .intercept = {23962, 22787, 21719, 20744, 19816, 18935, 18104, 17324, 16590, 15906, 15264, 14662, 14086, 13539,
                      13018, 12521},
        .breakpoint = {4528, 5008, 5488, 6016, 6592, 7216, 7888, 8608, 9376, 10192, 11056, 11968, 12976, 14032, 15184}};
};

} // namespace lutra
