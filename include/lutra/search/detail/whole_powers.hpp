// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cstdint>

namespace lutra::detail {

/// x^n, by squaring.
[[nodiscard]] constexpr double power(double x, std::uint32_t n) noexcept {
    double product = (n & 1) != 0 ? x : 1;
    while ((n >>= 1) != 0) {
        x *= x;
        if ((n & 1) != 0) product *= x;
    }
    return product;
}
/// x^(1/n) for n from 2 and x up to 1e290, with a relative error below 1e-15 for n up to 21, 1e-12 up to 51, and 1e-8 up to
/// 200; 0 below 1e-290. The same on every machine, and as fast as std::pow: two steps of Halley's iteration from the nth
/// part of the logarithm, which the bits of @p x are nearly, taken in integers.
[[nodiscard]] constexpr double root(double x, std::uint32_t n) noexcept {
    if (!(x > 1e-290)) return 0;
    constexpr auto one = std::bit_cast<std::int64_t>(1.0);
    // 0.344 f (1 - f), what log2(1 + f) is more than f, and 2^f less than 1 + f, about, for the last 52 bits f.
    const auto bend = [](std::int64_t bits) {
        const std::uint64_t f = (static_cast<std::uint64_t>(bits) >> 20) & 0xffff'ffffu;
        return static_cast<std::int64_t>(((f * ((std::uint64_t{1} << 32) - f)) >> 32) * 360'710);
    };
    const std::int64_t bits = std::bit_cast<std::int64_t>(x) - one;
    const std::int64_t part = (bits + bend(bits)) / static_cast<std::int64_t>(n);
    double t = std::bit_cast<double>(one + part - bend(part));
    const double half = 0.5 * (n - 1.0), by_half = 1 / half, c = (n + 1.0) / (n - 1.0);
    for (int i = 0; i < 2; ++i) {
        const double ratio = x / power(t, n);
        t *= (half + (ratio - 1) / (c + ratio)) * by_half;
    }
    return t;
}

} // namespace lutra::detail
