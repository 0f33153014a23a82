// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/integer_inverse.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>
#include <lutra/nonlinear/reduced_tables.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/rounding.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lutra {

/// softmax of a row of scores in fixed point, by a table of N entries for 2^-x and one for 1 / x, all in integers of 16 and
/// 32 bits. Scores are int16 in steps of 2^-fraction of log2 units: what requantising the sums of Q K^T by `scores_by` gives
/// (beyond +-128, +-88 in natural units, they saturate). Probabilities are int8 in units of 1 / 127.
///
/// With t = greatest - score, n its integer part and r its fraction, e = 2^-r 2^-n has 15 fraction bits: the table gives
/// 2^-r, a shift the rest, rounded half up. The sum of all e is 2^k x; the second table gives 1 / x, and p = 127 e / sum,
/// rounded half up. The error is that of rounding, 1/254, and of a step of the scores and both tables, below 0.005 p.
///
/// @code
/// using softmax = lutra::pwl_softmax<8>;
/// const auto by = softmax::scores_by(query_scale * key_scale / std::sqrt(16.0)); // of a sum of 1
/// softmax::apply(scores, probabilities);
/// @endcode
///
/// @tparam N 8 or 16
template <int N>
struct pwl_softmax {
    static constexpr std::string_view name = "pwl_softmax";
    static constexpr int entries = N;
    static constexpr int fraction = 8;                                ///< bits of a score
    static constexpr std::size_t most_columns = std::size_t{1} << 16; ///< so that sums fit 32 bits

    /// 2^-r in steps of 2^-15, for r in steps of 2^-fraction.
    static constexpr pwl_unit<N> exp2{reduced_tables<N>::exp2, {fraction + 1, fraction}, {17, 15}};

    /// What turns sums into scores where a sum of 1 is worth @p scale. Panics unless 0 <= scale < 2^21.
    [[nodiscard]] static constexpr requantizer scores_by(double scale) {
        return requantizer::from_ratio(scale * (1.4426950408889634 * (1 << fraction)));
    }

    /// out = softmax(x) of one row, as one would write it down. Panics on an empty row, on one of more than most_columns
    /// columns, and unless @p out has as many.
    static constexpr void reference(std::span<const std::int16_t> x, std::span<std::int8_t> out) {
        require_shape(x.size(), out.size());
        const int greatest = *std::max_element(x.begin(), x.end());
        const auto exponential = [&](int score) {
            const int t = std::min(greatest - score, last);
            return static_cast<std::uint32_t>(shift_right<rounding::half_up>(exp2(t % one), t / one));
        };
        std::uint32_t total = 0;
        for (const int score : x) total += exponential(score);
        const scaling s = scaling_of(total);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const std::uint32_t p = (exponential(x[i]) * s.multiplier + (std::uint32_t{1} << (s.shift - 1))) >> s.shift;
            out[i] = static_cast<std::int8_t>(std::min<std::uint32_t>(p, 127));
        }
    }

    /// The same for each row, 2^-r by its 256 values, in loops for a compiler to vectorise where that helps; @p x is left
    /// changed. No row at all is allowed. Panics as `reference` does, and unless both have one shape.
    static constexpr void apply(matrix_view<std::int16_t> x, matrix_view<std::int8_t> out) {
        require_shape(x, out);
        const std::size_t n = x.cols();
        for (std::size_t r = 0; r < x.rows(); ++r) {
            std::int16_t* const row = x.data() + r * x.stride();
            exponentials(row, n);
            probabilities(row, n, out.data() + r * out.stride());
        }
    }

    // For kernels that do the same.

    static constexpr int one = 1 << fraction;
    static constexpr int last = 17 * one - 1; ///< from 16 on e is 0 or 1, from 17 on 0

    /// 2 * 2^-r in steps of 2^-15, so that one shift by n leaves a bit to round by.
    static constexpr std::array<std::uint16_t, one> doubled = [] {
        static_assert(exp2.sum_fraction == 15,
                      "a sum of the table has the fraction bits of e, so that it needs no rounding");
        std::array<std::uint16_t, one> values{};
        for (int r = 0; r < one; ++r) values[static_cast<std::size_t>(r)] = static_cast<std::uint16_t>(2 * exp2(r));
        return values;
    }();

    struct scaling {
        std::uint32_t multiplier; ///< of 15 bits; multiplier / 2^shift = 127 / sum
        int shift;                ///< 22 to 31
    };
    static constexpr void require_shape(matrix_view<const std::int16_t> x, matrix_view<const std::int8_t> out) {
        require(out.rows() == x.rows(), panic_code::bad_shape, "softmax writes one row for each that it reads",
                static_cast<long long>(out.rows()), static_cast<long long>(x.rows()));
        if (x.rows() != 0) require_shape(x.cols(), out.cols());
    }
    static constexpr void require_shape(std::size_t x, std::size_t out) {
        require(x > 0, panic_code::empty, "softmax needs a row of at least one element");
        require(x <= most_columns, panic_code::bad_shape, "an integer softmax sums at most 2^16 columns",
                static_cast<long long>(x), static_cast<long long>(most_columns));
        require(out == x, panic_code::bad_shape, "softmax writes one element for each that it reads",
                static_cast<long long>(out), static_cast<long long>(x));
    }
    /// Of a sum that holds the e of a greatest score, just below 2^15.
    static constexpr scaling scaling_of(std::uint32_t total) noexcept {
        const auto [inverse, shift] = integer_inverse<N>::of(total);
        return {(static_cast<std::uint32_t>(inverse) * 127 + 64) >> 7,
                std::min(shift - 7, 31)}; // beyond 31 every e is below a half
    }

private:
    /// Replaces each score of a row by its e.
    static constexpr void exponentials(std::int16_t* x, std::size_t n) noexcept {
        std::int16_t greatest = x[0];
        for (std::size_t i = 0; i < n; ++i) greatest = x[i] > greatest ? x[i] : greatest;
        for (std::size_t i = 0; i < n; ++i) {
            const auto t = static_cast<std::uint16_t>(greatest - x[i]);
            x[i] = static_cast<std::int16_t>(t < last ? t : last);
        }
        for (std::size_t i = 0; i < n; ++i) {
            const auto t = static_cast<std::uint16_t>(x[i]);
            x[i] = static_cast<std::int16_t>(((doubled[t % one] >> (t / one)) + 1) >> 1);
        }
    }
    static constexpr void probabilities(const std::int16_t* e, std::size_t n, std::int8_t* out) noexcept {
        std::uint32_t total = 0;
        for (std::size_t i = 0; i < n; ++i) total += static_cast<std::uint32_t>(e[i]);
        const scaling s = scaling_of(total);
        const int shift = s.shift - 16; // what is below the upper half of a product decides nothing
        const auto multiplier = static_cast<std::uint16_t>(s.multiplier);
        const auto half = static_cast<std::uint16_t>(1 << (shift - 1));
        for (std::size_t i = 0; i < n; ++i) {
            const auto upper =
                static_cast<std::uint16_t>((static_cast<std::uint16_t>(e[i]) * std::uint32_t{multiplier}) >> 16);
            const auto p = static_cast<std::uint16_t>((upper + half) >> shift);
            out[i] = static_cast<std::int8_t>(p < 127 ? p : 127);
        }
    }
};

} // namespace lutra
