// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/gemm/arch/softmax_rows.hpp>
#include <lutra/gemm/epilogue.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

constexpr auto int32_min = std::numeric_limits<std::int32_t>::min(), int32_max = std::numeric_limits<std::int32_t>::max();

std::vector<lutra::isa> instruction_sets() {
    std::vector<lutra::isa> all;
    for (const lutra::isa i : lutra::all_isas)
        if (lutra::has_isa(i)) all.push_back(i);
    return all;
}

/// Something for every int16 to be added to.
std::int16_t residual(std::size_t j) {
    return static_cast<std::int16_t>(static_cast<std::uint16_t>(j * 40503 + 32768)); // begins with the lowest
}

/// How many columns any row kernel gets wrong, by the definition of requantize; int16 is added to what was there.
std::size_t wrong_columns(std::span<const std::int32_t> sums, std::span<const std::int32_t> bias,
                          std::span<const lutra::requantizer> by) {
    std::size_t wrong = 0;
    for (const lutra::isa i : instruction_sets()) {
        std::vector<std::int8_t> out(sums.size() + 1, 99);
        std::vector<std::int16_t> total(sums.size() + 1, 99), words = total;
        for (std::size_t j = 0; j < sums.size(); ++j) total[j] = residual(j);
        const lutra::matrix_view<const std::int32_t> block{sums.data(), 1, sums.size()};
        const std::int32_t* add = bias.empty() ? nullptr : bias.data();
        lutra::kernel::requantize_rows_for<std::int8_t>(i)(block, add, by.data(), out.data(), sums.size());
        lutra::kernel::requantize_rows_for<std::int16_t, true>(i)(block, add, by.data(), total.data(), sums.size());
        lutra::kernel::requantize_rows_for<std::int16_t>(i)(block, add, by.data(), words.data(), sums.size());
        for (std::size_t j = 0; j < sums.size(); ++j) {
            const std::int64_t sum = std::int64_t{sums[j]} + (bias.empty() ? 0 : bias[j]);
            const auto clipped = static_cast<std::int32_t>(std::clamp<std::int64_t>(sum, int32_min, int32_max));
            wrong += out[j] != lutra::requantize(clipped, by[j]);
            const std::int16_t word = lutra::requantize<std::int16_t>(clipped, by[j]);
            wrong += words[j] != word;
            wrong += total[j] != std::clamp(residual(j) + word, -32767, 32767);
        }
        wrong += out.back() != 99 || total.back() != 99 || words.back() != 99;
    }
    return wrong;
}

} // namespace

TEST_CASE("requantised rows: every shift, extreme and random sums") {
    lutra::random_generator random{1};
    const auto any = [&] { return static_cast<std::int32_t>(static_cast<std::uint32_t>(random())) >> random.below(32); };
    constexpr std::size_t n = 1024;
    std::vector<std::int32_t> sums(n), bias(n);
    std::vector<lutra::requantizer> by(n);
    std::size_t wrong = 0;
    for (int shift = 1; shift <= 62; ++shift)
        for (int round = 0; round < 160; ++round) {
            for (std::size_t j = 0; j < n; ++j) {
                constexpr std::array edges{int32_min, int32_min + 1, -1, 0, 1, int32_max - 1, int32_max};
                sums[j] = random.below(8) == 0 ? edges[random.below(edges.size())] : any();
                bias[j] = random.below(8) == 0 ? edges[random.below(edges.size())] : any();
                const auto multiplier = random.below(8) == 0 ? (random.below(2) == 0 ? 1 << 30 : int32_max)
                                                             : static_cast<std::int32_t>(random.between(1 << 30, int32_max));
                by[j] = round % 2 == 0 ? lutra::requantizer{multiplier, shift}
                                       : lutra::requantizer{multiplier, static_cast<int>(random.between(33, 62))};
                // Near a tie or an end of the range, where the rounding decides.
                if (shift > 32 && random.below(2) == 0) {
                    const auto edge = random.below(2) == 0 ? 130 : 32770;
                    const double target = static_cast<double>(random.between(-edge, edge)) + 0.5;
                    sums[j] = static_cast<std::int32_t>(
                        std::clamp(target / by[j].ratio() + static_cast<double>(random.between(-1, 1)), -2e9, 2e9));
                }
            }
            by[random.below(n)] = lutra::requantizer{};
            wrong += wrong_columns(
                sums, round % 4 < 2 ? std::span<const std::int32_t>{bias} : std::span<const std::int32_t>{}, by);
        }
    CHECK(wrong == 0);
}

TEST_CASE("requantised rows: all sums about 0 under exact halves") {
    std::vector<std::int32_t> sums(65536);
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] = static_cast<std::int32_t>(j) - 32768;
    for (const double ratio : {0x1p-1, 0x1p-2, 0x1p-3, 0x1p-7, 0x1p-8, 0x1.8p-8, 0x1p-9, 0x1p-16, 0.0123}) {
        const std::vector<lutra::requantizer> by(sums.size(), lutra::requantizer::from_ratio(ratio));
        CHECK(wrong_columns(sums, {}, by) == 0);
    }
}

TEST_CASE("requantised rows: every length, and nothing past it") {
    for (std::size_t n = 0; n <= 50; ++n) {
        std::vector<std::int32_t> sums(n), bias(n); // exactly their size: AddressSanitizer sees an access past the end
        std::vector<lutra::requantizer> by(n);
        for (std::size_t j = 0; j < n; ++j) {
            sums[j] = 1000 * static_cast<std::int32_t>(j);
            bias[j] = -20000;
            by[j] = lutra::requantizer::from_ratio(0.001 * static_cast<double>(j + 1));
        }
        CHECK(wrong_columns(sums, bias, by) == 0);
        CHECK(wrong_columns(sums, {}, by) == 0);
    }
}

TEST_CASE("dequantised rows: within two roundings, whatever the place in the piece") {
    lutra::random_generator random{2};
    constexpr std::size_t most = 37;
    std::vector<std::int32_t> sums(most);
    std::vector<float> scale(most), bias(most), before(most);
    for (std::size_t j = 0; j < most; ++j) {
        sums[j] = static_cast<std::int32_t>(random.between(-5000000, 5000000));
        scale[j] = static_cast<float>(1e-4 * random.unit());
        bias[j] = static_cast<float>(random.unit() - 0.5);
        before[j] = static_cast<float>(random.unit() - 0.5);
    }
    for (const lutra::isa i : instruction_sets())
        for (const bool with_bias : {false, true})
            for (const bool accumulate : {false, true}) {
                const auto row = [&](std::size_t first, std::size_t n) {
                    std::vector<float> out(before.begin() + static_cast<std::ptrdiff_t>(first),
                                           before.begin() + static_cast<std::ptrdiff_t>(first + n));
                    lutra::kernel::dequantize_rows_for(i)({sums.data() + first, 1, n}, scale.data() + first,
                                                          with_bias ? bias.data() + first : nullptr, accumulate, out.data(),
                                                          n);
                    return out;
                };
                const auto whole = row(0, most);
                for (std::size_t j = 0; j < most; ++j) {
                    const double product = double{scale[j]} * sums[j], added = with_bias ? double{bias[j]} : 0.0,
                                 old = accumulate ? double{before[j]} : 0.0;
                    CHECK(std::fabs(double{whole[j]} - (product + added + old)) <=
                          0x1p-23 * (std::fabs(product) + std::fabs(added) + std::fabs(old)) * 1.5);
                }
                if (i == lutra::isa::scalar) continue; // the compiler chooses what it contracts
                for (std::size_t first = 0; first < most; ++first) {
                    const auto piece = row(first, most - first);
                    CHECK(std::equal(piece.begin(), piece.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)));
                }
            }
}

TEST_CASE("requantize_sums looks an activation table up") {
    std::array<std::int8_t, 256> table{}; // relu, then halved
    for (int i = 0; i < 128; ++i) table[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(i / 2);
    constexpr std::array<std::int32_t, 5> sums{-128000, -3000, 0, 9000, 127400};
    const std::vector<lutra::requantizer> by(7, lutra::requantizer::from_ratio(0.001));
    std::array<std::int8_t, 7> out{};
    const lutra::requantize_sums use{{out.data(), 1, 7}, by, {}, table};
    use(0, 2, sums);
    CHECK(out == std::array<std::int8_t, 7>{0, 0, 0, 0, 0, 4, 63});
    const lutra::requantize_sums wrong{{out.data(), 1, 7}, by, {}, std::span{table}.first(255)};
    REQUIRE_PANIC(wrong(0, 2, sums), bad_shape);
}

TEST_CASE("softmax rows: as pwl_softmax::apply, every exponent, row length and stride") {
    using softmax = lutra::pwl_softmax<8>;
    lutra::random_generator random{9};
    for (const lutra::isa isa : instruction_sets())
        for (std::size_t n = 1; n <= 300; ++n) {
            const std::size_t stride = n + n % 3, size = 3 * stride - (stride - n);
            std::vector<std::int16_t> x(size);
            for (std::size_t i = 0; i < size; ++i)
                x[i] = n > 290 ? static_cast<std::int16_t>(-32768 + static_cast<int>(i * (n - 288)))
                               : static_cast<std::int16_t>(random.between(-32768, 32767) >> random.below(10));
            auto y = x;
            std::vector<std::int8_t> out(size, 99), expected = out;
            lutra::kernel::softmax_rows<softmax>({x.data(), 3, n, stride}, {out.data(), 3, n, stride}, isa);
            softmax::apply({y.data(), 3, n, stride}, {expected.data(), 3, n, stride});
            CHECK(out == expected);
        }
    std::vector<std::int16_t> flat(65536, 5);
    std::vector<std::int8_t> out(flat.size(), 1);
    lutra::kernel::softmax_rows<softmax>({flat.data(), 1, flat.size()}, {out.data(), 1, out.size()}, lutra::best_isa());
    CHECK(std::all_of(out.begin(), out.end(), [](auto p) { return p == 0; }));
    REQUIRE_PANIC(lutra::kernel::softmax_rows<softmax>({flat.data(), 1, 5}, {out.data(), 1, 4}, lutra::best_isa()),
                  bad_shape);
}

TEST_CASE("epilogues are constant expressions") {
    constexpr auto made = [] {
        std::array<std::int8_t, 2> out{};
        constexpr std::array<lutra::requantizer, 2> by{lutra::requantizer::from_ratio(0.5),
                                                       lutra::requantizer::from_ratio(0.01)};
        constexpr std::array<std::int32_t, 2> sums{7, -1000};
        lutra::requantize_sums{{out.data(), 1, 2}, by, {}}(0, 0, sums);
        return out;
    }();
    static_assert(made == std::array<std::int8_t, 2>{4, -10});
    CHECK(made[0] == 4);
    constexpr auto added = [] {
        std::array<std::int16_t, 2> out{32700, 5};
        constexpr std::array<lutra::requantizer, 2> by{lutra::requantizer::from_ratio(0.5),
                                                       lutra::requantizer::from_ratio(0.5)};
        constexpr std::array<std::int32_t, 2> sums{1000, -1000}, bias{0, 3};
        lutra::requantize_add_sums{{out.data(), 1, 2}, by, bias}(0, 0, sums);
        return out;
    }();
    static_assert(added == std::array<std::int16_t, 2>{32767, -493});
}

TEST_CASE("a block of sums is its rows") {
    lutra::random_generator random{3};
    constexpr std::size_t rows = 5, stride = 41, out_stride = 43;
    std::vector<std::int32_t> sums(rows * stride);
    for (auto& x : sums) x = static_cast<std::int32_t>(random.between(-300000, 300000));
    for (const std::size_t n : {1u, 7u, 8u, 16u, 33u, 40u}) {
        std::vector<lutra::requantizer> by(n);
        std::vector<std::int32_t> bias(n);
        std::vector<float> scale(n), offset(n);
        for (std::size_t j = 0; j < n; ++j) {
            by[j] = lutra::requantizer::from_ratio(j == 20 ? 0.4 : 1e-3 * random.unit()); // one that vectors leave out
            bias[j] = static_cast<std::int32_t>(random.between(-1000, 1000));
            scale[j] = static_cast<float>(1e-3 * random.unit());
            offset[j] = static_cast<float>(random.unit());
        }
        std::vector<std::int8_t> bytes(rows * out_stride, 99), bytes_by_row = bytes;
        std::vector<float> reals(rows * out_stride, 7.0f), reals_by_row = reals;
        const lutra::matrix_view<const std::int32_t> block{sums.data(), rows, n, stride};
        const lutra::requantize_sums requantize{{bytes.data(), rows, n, out_stride}, by, bias},
            requantize_row{{bytes_by_row.data(), rows, n, out_stride}, by, bias};
        std::vector<std::int16_t> words(rows * out_stride, 32000), words_by_row = words;
        const lutra::requantize_add_sums add{{words.data(), rows, n, out_stride}, by, bias},
            add_row{{words_by_row.data(), rows, n, out_stride}, by, bias};
        const lutra::dequantize_sums dequantize{{reals.data(), rows, n, out_stride}, scale, offset, true},
            dequantize_row{{reals_by_row.data(), rows, n, out_stride}, scale, offset, true};
        requantize.block(0, 0, block);
        add.block(0, 0, block);
        dequantize.block(0, 0, block);
        for (std::size_t r = 0; r < rows; ++r) {
            requantize_row(r, 0, block.row(r));
            add_row(r, 0, block.row(r));
            dequantize_row(r, 0, block.row(r));
        }
        CHECK(bytes == bytes_by_row);
        CHECK(words == words_by_row);
        CHECK(reals == reals_by_row);
        REQUIRE_PANIC(requantize.block(1, 0, block), out_of_range);
        REQUIRE_PANIC(add.block(0, out_stride, block), out_of_range);
        REQUIRE_PANIC(dequantize.block(0, 1, block), out_of_range);
    }
}
