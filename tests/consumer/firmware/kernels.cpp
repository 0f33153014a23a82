// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Matrix products under several multipliers, by the kernels of this processor and by the reference, requantised: integers
// only. The same source is built for the host and for boards, and all must print the same text.

#include "board.hpp"
#include "panic.hpp"

#include <lutra/core.hpp>
#include <lutra/gemm/arch/softmax_rows.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/lean_gemm.hpp>
#include <lutra/gemm/reference.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/lowered_constant.hpp>
#include <lutra/multiplier/mitchell.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

using view = lutra::matrix_view<const std::int8_t>;
using operand = lutra::gemm_operand<std::int8_t>;

struct shape {
    std::size_t rows, inner, cols;
};
constexpr shape shapes[] = {{1, 1, 1},    {2, 4, 4},  {3, 15, 5},  {17, 33, 9}, {5, 16, 3},  {50, 64, 64},
                            {33, 50, 16}, {31, 7, 6}, {1, 130, 2}, {32, 48, 8}, {4, 1030, 4}};
constexpr std::size_t most = 4'200; // elements of a matrix

std::array<std::int8_t, most> left, right, quantised;
std::array<std::int32_t, most> sums, expected;
std::array<lutra::requantizer, 64> by;
std::array<std::int32_t, 64> bias;
alignas(lutra::arena::alignment) std::array<std::byte, 36'864> memory;
std::array<std::int8_t, 65'536> errors;
std::array<std::int16_t, 512> lhs_factors, rhs_factors;

void fill(std::span<std::int8_t> out, int least, lutra::random_generator& random) {
    for (auto& x : out) x = static_cast<std::int8_t>(random.between(least, 127));
}

/// A matrix, row by row or column by column.
operand lay(std::span<const std::int8_t> elements, std::size_t rows, std::size_t cols, bool by_columns) {
    if (by_columns) return lutra::transposed(view{elements.data(), cols, rows});
    return view{elements.data(), rows, cols};
}

/// Under one multiplier: all shapes, with each operand as it lies and transposed, with operands of -128 and without.
void report(std::string_view name, const lutra::lowered_multiplier& m) {
    lutra::random_generator random{7};
    std::uint32_t of_sums = 0, of_outputs = 0;
    std::size_t wrong = 0;
    for (const auto [rows, inner, cols] : shapes)
        for (const int least : {-128, -127})
            for (const unsigned turned : {0u, 1u, 2u, 3u}) {
                fill(left, least, random);
                fill(right, least, random);
                for (std::size_t j = 0; j < by.size(); ++j) {
                    by[j] = {static_cast<std::int32_t>(random.between(1 << 30, (1ll << 31) - 1)),
                             static_cast<int>(random.between(j % 5 == 0 ? 25 : 33, 42))};
                    bias[j] = static_cast<std::int32_t>(random.between(-100'000, 100'000));
                }
                const operand a = lay(left, rows, inner, (turned & 1) != 0), b = lay(right, inner, cols, (turned & 2) != 0);
                const lutra::matrix_view<std::int32_t> to{sums.data(), rows, cols}, wanted{expected.data(), rows, cols};
                lutra::gemm_reference(m, a, b, wanted);
                lutra::arena scratch{memory};
                lutra::lean_gemm(a, b, m, scratch, lutra::store_sums{to});
                wrong += !std::equal(sums.begin(), sums.begin() + rows * cols, expected.begin());
                lutra::lean_gemm(a, b, m, scratch,
                                 lutra::requantize_sums{lutra::matrix_view<std::int8_t>{quantised.data(), rows, cols},
                                                        std::span{by}.first(cols), std::span{bias}.first(cols)});
                for (std::size_t i = 0; i < rows; ++i)
                    for (std::size_t j = 0; j < cols; ++j)
                        wrong += quantised[i * cols + j] !=
                                 lutra::requantize(lutra::saturating_add(wanted(i, j), bias[j]), by[j]);
                of_sums = of_sums * 31 + lutra::checksum(std::span<const std::int32_t>{sums}.first(rows * cols));
                of_outputs = of_outputs * 31 + lutra::checksum(std::span<const std::int8_t>{quantised}.first(rows * cols));
            }
    board::print((lutra::text<96>{} << name << " " << of_sums << " " << of_outputs << ", wrong " << wrong << "\n").view());
}

/// Two random terms, or the first of them.
lutra::lowered_multiplier of_terms(std::uint8_t rank, int bits, lutra::factor_width factors, std::uint8_t shift) {
    lutra::random_generator random{rank};
    const int top = 1 << (bits - 1);
    for (auto* map : {&lhs_factors, &rhs_factors})
        for (auto& x : *map) x = static_cast<std::int16_t>(random.between(-top, top - 1));
    lutra::lowered_multiplier m{};
    m.terms = {lhs_factors.data(), rhs_factors.data(), {shift}, rank, factors};
    m.min_product = -(1 << 20);
    m.max_product = 1 << 20;
    return m.with_plan(lutra::plan_kind::separable);
}
lutra::lowered_multiplier of_errors() {
    lutra::random_generator random{3};
    fill(errors, -128, random);
    lutra::lowered_multiplier m{};
    m.kind = lutra::plan_kind::error_plane;
    m.errors = errors.data();
    m.error_shift = 1;
    return m;
}

/// Rows of softmax of all lengths up to 70, scores near each other and far apart.
template <int N>
void report_softmax(std::string_view name) {
    using softmax = lutra::pwl_softmax<N>;
    lutra::random_generator random{N};
    std::uint32_t hash = 0;
    std::size_t wrong = 0;
    static std::array<std::int16_t, 3 * 71> scores;
    static std::array<std::int8_t, 3 * 71> probabilities;
    for (std::size_t n = 1; n <= 70; ++n)
        for (const int spread : {32'767, 2'000, 40, 0}) {
            for (auto& x : scores)
                x = static_cast<std::int16_t>(random.between(spread == 32'767 ? -32'768 : -spread, spread));
            std::array<std::int8_t, 3 * 71> wanted{};
            for (std::size_t r = 0; r < 3; ++r)
                softmax::reference(std::span<const std::int16_t>{scores}.subspan(71 * r, n),
                                   std::span{wanted}.subspan(71 * r, n));
            probabilities.fill(0);
            lutra::kernel::softmax_rows<softmax>({scores.data(), 3, n, 71}, {probabilities.data(), 3, n, 71},
                                                 lutra::best_isa());
            wrong += wanted != probabilities;
            hash = hash * 31 + lutra::checksum(std::span<const std::int8_t>{probabilities});
        }
    board::print((lutra::text<96>{} << name << " " << hash << ", wrong " << wrong << "\n").view());
}

} // namespace

int main() {
    report_softmax<8>("softmax of 8 entries");
    report_softmax<16>("softmax of 16 entries");
    report("exact", lutra::lowered_v<lutra::exact>);
    report("drum4", lutra::lowered_v<lutra::drum<4>>);
    report("mitchell", lutra::lowered_v<lutra::mitchell>);
    report("one term of 8 bits", of_terms(1, 8, lutra::factor_width::bits8, 3));
    report("one term of 10 bits", of_terms(1, 10, lutra::factor_width::bits16, 2));
    report("two terms", of_terms(2, 8, lutra::factor_width::bits8, 4));
    report("error plane", of_errors());
    return 0;
}
