// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/pwl_table.hpp>

/// @file
/// Tables of the functions that integer softmax and layer norm need, each on the range that is left when a power of two
/// (of four, for the root) is taken out, with 8 or 16 entries. Each has the least mean square of the relative error that its
/// format allows (fit_optimal) on a grid: 2^-x in steps of 1/256, which are all the arguments that it gets, 1 / x in steps
/// of 1/1024 and 1 / sqrt(x) in steps of 1/512. A test equates each with the fit.

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
    /// 2^-x on [0, 1]; relative error below 8e-4 where x has 8 fraction bits.
    static constexpr pwl_table<8, exp2_format> exp2{.slope = {-85, -78, -71, -65, -60, -55, -50, -46},
                                                    .intercept = {16374, 16264, 16038, 15741, 15417, 15017, 14532, 14077},
                                                    .breakpoint = {32, 65, 99, 130, 160, 194, 228}};
    /// 1 / x on [1, 2]; relative error below 1.5e-3.
    static constexpr table reciprocal{.slope = {-14924, -12436, -10398, -8717, -7325, -6177, -5225, -4437},
                                      .intercept = {31285, 28558, 26113, 23909, 21917, 20126, 18510, 17057},
                                      .breakpoint = {4492, 4916, 5372, 5864, 6392, 6956, 7556}};
    /// 1 / sqrt(x) on [1, 4]; relative error below 2.5e-3.
    static constexpr table rsqrt{.slope = {-7040, -5279, -4004, -3067, -2371, -1848, -1450, -1146},
                                 .intercept = {23384, 21243, 19372, 17724, 16266, 14969, 13806, 12764},
                                 .breakpoint = {4984, 6016, 7208, 8584, 10160, 11976, 14040}};
};
template <>
struct reduced_tables<16> {
    using table = pwl_table<16, reduced_format>;
    /// 2^-x on [0, 1]; relative error below 2.2e-4 where x has 8 fraction bits.
    static constexpr pwl_table<16, exp2_format> exp2{
        .slope = {-87, -83, -79, -76, -73, -70, -67, -64, -61, -58, -55, -53, -51, -49, -47, -45},
        .intercept = {16382, 16351, 16283, 16208, 16111, 15991, 15848, 15680, 15486, 15265, 15014, 14830, 14633, 14421,
                      14194, 13952},
        .breakpoint = {16, 34, 50, 65, 80, 96, 112, 130, 148, 168, 184, 197, 212, 227, 242}};
    /// 1 / x on [1, 2]; relative error below 4e-4.
    static constexpr table reciprocal{
        .slope = {-15632, -14261, -13025, -11902, -10885, -9957, -9121, -8361, -7666, -7032, -6456, -5939, -5459, -5022,
                  -4626, -4259},
        .intercept = {32010, 30574, 29219, 27931, 26711, 25547, 24451, 23410, 22416, 21469, 20571, 19730, 18916, 18143,
                      17413, 16708},
        .breakpoint = {4292, 4492, 4700, 4916, 5140, 5372, 5612, 5860, 6120, 6388, 6664, 6948, 7248, 7552, 7872}};
    /// 1 / sqrt(x) on [1, 4]; relative error below 6.5e-4.
    static constexpr table rsqrt{
        .slope = {-7597, -6559, -5684, -4933, -4298, -3749, -3277, -2875, -2522, -2220, -1958, -1731, -1534, -1364, -1216,
                  -1084},
        .intercept = {23971, 22825, 21761, 20757, 19825, 18942, 18111, 17338, 16597, 15906, 15254, 14640, 14062, 13522,
                      13014, 12525},
        .breakpoint = {4528, 4984, 5480, 6016, 6592, 7216, 7880, 8600, 9376, 10200, 11080, 12024, 13016, 14064, 15176}};
};

} // namespace lutra
