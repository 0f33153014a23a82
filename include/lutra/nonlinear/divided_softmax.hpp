// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/numeric/requantize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// @file
/// Integer softmax with exponentials that are no tables, for comparison with pwl_softmax, whose interface it has: I-BERT's
/// polynomial and I-ViT's shifts. Each divides once a row.

namespace lutra {

/// I-BERT's exponential (Kim and others, 2021, arXiv 2101.01321): ln 2 is taken out, and on (-ln 2, 0] stands
/// 0.3585 (x + 1.353)^2 + 0.344. |error| < 0.0026.
struct polynomial_exponential {
    static constexpr std::string_view name = "ibert_softmax";
    static constexpr int fraction = 10; ///< of the argument
    /// e^-t, times 2^20 / 0.3585, for t = raw / 2^fraction >= 0.
    [[nodiscard]] static constexpr std::uint32_t at(std::uint32_t raw) noexcept {
        constexpr std::uint32_t ln2 = 709, b = 1385, c = 1006177; // 1024 ln 2, 1024 x 1.353, 2^20 x 0.344 / 0.3585
        const std::uint32_t n = std::min<std::uint32_t>(raw / ln2, 31), x = b - (raw % ln2);
        return (x * x + c) >> n;
    }
};

/// I-ViT's exponential (Li and Gu, 2023, arXiv 2207.01405): x log2 e is x + x/2 - x/16, its integer part a shift, and 2^-r
/// is 1 - r/2. |error| < 0.045.
struct shift_exponential {
    static constexpr std::string_view name = "shiftmax";
    static constexpr int fraction = 10; ///< of the argument
    /// e^-t, times 2^21, for t = raw / 2^fraction >= 0.
    [[nodiscard]] static constexpr std::uint32_t at(std::uint32_t raw) noexcept {
        raw = std::min(raw, std::uint32_t{1} << 20);
        const std::uint32_t t = raw + (raw >> 1) - (raw >> 4), n = std::min<std::uint32_t>(t >> fraction, 31);
        return ((2048 - (t & 1023)) << 10) >> n;
    }
};

/// softmax of a row of int16 scores with `Exponential`, and one division of 64 bits a row. Scores are in steps of
/// 2^-Exponential::fraction; probabilities are int8 in units of 1 / 127.
template <class Exponential>
struct divided_softmax {
    static constexpr std::string_view name = Exponential::name;
    static constexpr std::size_t most_columns = std::size_t{1} << 16;

    /// What turns sums of Q K^T, worth @p scale each, into scores. Panics unless 0 <= scale < 2^20.
    [[nodiscard]] static constexpr requantizer scores_by(double scale) {
        return requantizer::from_ratio(scale * (1 << Exponential::fraction));
    }
    /// out = softmax(x) of one row. Panics on an empty row, on one of more than most_columns columns, and unless @p out has
    /// as many.
    static constexpr void apply(std::span<const std::int16_t> x, std::span<std::int8_t> out) {
        require(!x.empty(), panic_code::empty, "softmax needs a row of at least one element");
        require(x.size() <= most_columns, panic_code::bad_shape, "an integer softmax sums at most 2^16 columns",
                static_cast<long long>(x.size()), static_cast<long long>(most_columns));
        require(out.size() == x.size(), panic_code::bad_shape, "softmax writes one element for each that it reads",
                static_cast<long long>(out.size()), static_cast<long long>(x.size()));
        const int most = *std::max_element(x.begin(), x.end());
        const auto exponential = [&](std::int16_t score) {
            return std::uint64_t{Exponential::at(static_cast<std::uint32_t>(most - score))};
        };
        std::uint64_t total = 0; // the greatest e is above 2^20
        for (const std::int16_t score : x) total += exponential(score);
        const std::uint64_t factor = (std::uint64_t{127} << 32) / total, half = std::uint64_t{1} << 31;
        for (std::size_t i = 0; i < x.size(); ++i)
            out[i] = static_cast<std::int8_t>((exponential(x[i]) * factor + half) >> 32);
    }
    /// The same for each row.
    static constexpr void apply(matrix_view<const std::int16_t> x, matrix_view<std::int8_t> out) {
        require(out.rows() == x.rows(), panic_code::bad_shape, "softmax writes one row for each that it reads",
                static_cast<long long>(out.rows()), static_cast<long long>(x.rows()));
        for (std::size_t r = 0; r < x.rows(); ++r) apply(x.row(r), out.row(r));
    }
};

/// I-BERT's softmax.
using ibert_softmax = divided_softmax<polynomial_exponential>;
/// I-ViT's softmax.
using shiftmax = divided_softmax<shift_exponential>;

} // namespace lutra
