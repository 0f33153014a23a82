// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

/// @file
/// Pruning by magnitude: x becomes 0 where |x| <= tau. One comparison an element, whatever the row's length, in place of the
/// sorting of top-k (DynaTran: Tuli and Jha, AccelTran, 2023).

namespace lutra {

/// The greatest integer threshold, at most 128, whose real magnitude at @p scale is at most @p tau: int8 values of magnitude
/// up to it are those whose real magnitude is at most tau. Panics unless tau is at least 0 and the scale positive and
/// finite.
[[nodiscard]] constexpr int integer_threshold(float tau, float scale) {
    require(tau >= 0, panic_code::bad_argument, "a pruning threshold must be at least 0");
    require(scale > 0 && scale <= std::numeric_limits<float>::max(), panic_code::bad_argument,
            "a quantisation scale must be positive and finite");
    constexpr int most = 128;
    const double t = static_cast<double>(tau), s = static_cast<double>(scale); // their products of 8 bits are exact
    if (t >= most * s) return most;
    int q = static_cast<int>(t / s);
    if (q * s > t) --q; // the quotient was rounded up to an integer
    return q;
}

inline namespace LUTRA_ISA {

/// Replaces by 0 each element of @p x whose magnitude is at most @p tau, and returns how many are zero then. A NaN is above
/// every threshold: it stays, so that pruning hides no fault. Panics unless tau is at least 0.
///
/// @code
/// const std::size_t zeros = lutra::prune_threshold(hidden.row(r), 0.05f);
/// @endcode
inline std::size_t prune_threshold(std::span<float> x, float tau) {
    require(tau >= 0, panic_code::bad_argument, "a pruning threshold must be at least 0");
    constexpr std::size_t chunk = float_lanes << 20; // a lane of float counts up to 2^24 exactly
    std::size_t zeros = 0, i = 0;
    const float_batch limit = broadcast(tau);
    while (x.size() - i >= float_lanes) {
        float_batch seen = broadcast(0.0f);
        const std::size_t end = i + std::min(chunk, (x.size() - i) / float_lanes * float_lanes);
        for (; i < end; i += float_lanes) {
            const float_batch kept = zero_within(load(x.data() + i), limit);
            store(x.data() + i, kept);
            seen = seen + one_where_zero(kept);
        }
        zeros += static_cast<std::size_t>(sum_of(seen));
    }
    for (; i < x.size(); ++i) {
        if ((x[i] < 0 ? -x[i] : x[i]) <= tau) x[i] = 0;
        zeros += x[i] == 0;
    }
    return zeros;
}

/// The same for int8 and a threshold of integers (integer_threshold), at least 0; 128 and more take everything.
inline std::size_t prune_threshold(std::span<std::int8_t> x, int threshold) {
    require(threshold >= 0, panic_code::bad_argument, "a pruning threshold must be at least 0", threshold, 0);
    if (threshold >= 128) {
        std::fill(x.begin(), x.end(), std::int8_t{0});
        return x.size();
    }
    // -t <= v <= t is one comparison of bytes modulo 256, and loops of a fixed length become vectors whatever the flags.
    const auto shift = static_cast<std::uint8_t>(threshold), reach = static_cast<std::uint8_t>(2 * threshold);
    const auto take = [&](std::int8_t& v) {
        const bool small = static_cast<std::uint8_t>(static_cast<std::uint8_t>(v) + shift) <= reach;
        v = small ? std::int8_t{0} : v;
        return static_cast<std::uint8_t>(small); // also where v was 0
    };
    constexpr std::size_t block = 64;
    std::size_t zeros = 0, i = 0;
    for (; i + block <= x.size(); i += block) {
        std::int8_t* const p = x.data() + i;
        std::uint8_t seen = 0;
        for (std::size_t j = 0; j < block; ++j) seen = static_cast<std::uint8_t>(seen + take(p[j]));
        zeros += seen;
    }
    for (; i < x.size(); ++i) zeros += take(x[i]);
    return zeros;
}

/// Both for each row of a matrix.
inline std::size_t prune_threshold(matrix_view<float> x, float tau) {
    std::size_t zeros = 0;
    for (std::size_t r = 0; r < x.rows(); ++r) zeros += prune_threshold(x.row(r), tau);
    return zeros;
}
inline std::size_t prune_threshold(matrix_view<std::int8_t> x, int threshold) {
    std::size_t zeros = 0;
    for (std::size_t r = 0; r < x.rows(); ++r) zeros += prune_threshold(x.row(r), threshold);
    return zeros;
}

} // namespace LUTRA_ISA
} // namespace lutra
