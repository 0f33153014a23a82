// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/numeric/activation_histogram.hpp needs a heap: calibrate on a host and ship the scales to firmware."
#endif

#include <lutra/core/result.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace lutra {

/// How often each magnitude |x| was seen, over a range [0, 2^e) that doubles as larger data arrives, so that at least
/// 2,048 bins (the number of TransAxx, 2024) always lie below the largest magnitude.
///
/// The range is a power of two, so that growing merges neighbouring bins exactly. The counts therefore depend on the
/// values alone, not on their order, on batches, or on how the histograms of threads were merged: `merge` is exact,
/// associative and commutative. Non-finite values are counted apart and stand in no bin.
class activation_histogram {
public:
    static constexpr std::size_t bin_count = 4096;

    /// Adds |x| of every element; one to three nanoseconds each.
    void add(std::span<const float> x) {
        for (; x.size() >= block; x = x.subspan(block)) add_block(x.first<block>(), 0);
        if (x.empty()) return;
        std::array<float, block> tail{};
        std::copy(x.begin(), x.end(), tail.begin());
        add_block(tail, block - x.size());
    }
    /// Adds all that @p other has seen.
    void merge(const activation_histogram& other) {
        grow(other.exponent_);
        const auto folds = static_cast<unsigned>(std::min(exponent_ - other.exponent_, bin_bits));
        for (std::size_t b = 0; b < bin_count; ++b) counts_[b >> folds] += other.counts_[b];
        size_ += other.size_;
        zeros_ += other.zeros_;
        non_finite_ += other.non_finite_;
        max_bits_ = std::max(max_bits_, other.max_bits_);
    }

    /// How many finite values were added, and how many of them were zero.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] std::uint64_t zeros() const noexcept { return zeros_; }
    /// How many values were NaN or infinite.
    [[nodiscard]] std::uint64_t non_finite() const noexcept { return non_finite_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// The largest finite |x|, exactly; 0 when there is none.
    [[nodiscard]] float max() const noexcept { return std::bit_cast<float>(max_bits_); }
    /// The width of a bin: bin b holds b x width <= |x| < (b + 1) x width.
    [[nodiscard]] double width() const noexcept { return power_of_two(exponent_ - bin_bits); }
    [[nodiscard]] std::span<const std::uint64_t, bin_count> counts() const noexcept {
        return std::span<const std::uint64_t, bin_count>{counts_};
    }
    /// How many bins there are up to the last one in use.
    [[nodiscard]] std::size_t used_bins() const noexcept {
        std::size_t n = bin_count;
        while (n > 0 && counts_[n - 1] == 0) --n;
        return n;
    }
    /// An error (not_finite) that tells how many values were NaN or infinite, if any were.
    [[nodiscard]] status all_finite() const {
        if (non_finite_ == 0) return ok();
        return error{error_code::not_finite, 0,
                     text<320>{} << non_finite_ << " of " << (size_ + non_finite_)
                                 << " calibration values are NaN or infinite; expected finite activations"};
    }

private:
    static constexpr int bin_bits = 12;
    static constexpr int least_exponent = -100; // all below shares the lowest bins; keeps every factor a normal float
    static constexpr std::size_t block = 512;

    static double power_of_two(int e) noexcept { return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52); }

    void grow(int exponent) {
        if (exponent <= exponent_) return;
        const auto folds = static_cast<unsigned>(std::min(exponent - exponent_, bin_bits));
        for (std::size_t b = 1; b < bin_count; ++b) {
            const std::uint64_t n = counts_[b];
            counts_[b] = 0;
            counts_[b >> folds] += n;
        }
        exponent_ = exponent;
    }

    // Bits of a magnitude order as the magnitude does, and integer loops of fixed length vectorise whatever the flags.
    // The last `padding` elements are zeros that do not count.
    void add_block(std::span<const float, block> x, std::size_t padding) {
        constexpr std::int32_t infinity = std::bit_cast<std::int32_t>(std::numeric_limits<float>::infinity());
        std::array<std::int32_t, block> magnitude;
        std::int32_t most = 0, zeros = 0, strange = 0;
        for (std::size_t i = 0; i < block; ++i) {
            const std::int32_t m = std::bit_cast<std::int32_t>(x[i]) & 0x7fffffff;
            const std::int32_t finite = (m - infinity) >> 31; // all ones, or 0 for NaN and infinity
            magnitude[i] = m & finite;
            most = std::max(most, m & finite);
            zeros += m == 0;
            strange += finite + 1;
        }
        grow((most >> 23) - 126); // a magnitude is below 2^(its exponent + 1)
        const auto not_finite = static_cast<std::size_t>(strange);
        max_bits_ = std::max(max_bits_, most);
        size_ += block - padding - not_finite;
        zeros_ += static_cast<std::size_t>(zeros) - padding;
        non_finite_ += not_finite;

        const auto scale = static_cast<float>(power_of_two(bin_bits - exponent_));
        for (std::size_t i = 0; i < block; ++i)
            magnitude[i] = static_cast<std::int32_t>(std::bit_cast<float>(magnitude[i]) * scale);
        for (std::size_t i = 0; i < block; ++i) ++counts_[static_cast<std::size_t>(magnitude[i])];
        counts_[0] -= not_finite + padding;
    }

    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(bin_count);
    std::uint64_t size_ = 0, zeros_ = 0, non_finite_ = 0;
    std::int32_t max_bits_ = 0;
    int exponent_ = least_exponent;
};

} // namespace lutra
