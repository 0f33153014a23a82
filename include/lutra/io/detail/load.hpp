// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/io reads and writes files and needs an operating system: leave it out of a freestanding build."
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace lutra::detail {

/// The T in the sizeof(T) little-endian bytes at @p from, which need not be aligned.
template <class T>
    requires std::is_trivially_copyable_v<T>
[[nodiscard]] T load_little_endian(const std::byte* from) noexcept {
    std::array<std::byte, sizeof(T)> raw;
    std::memcpy(raw.data(), from, sizeof(T));
    if constexpr (std::endian::native == std::endian::big) std::reverse(raw.begin(), raw.end());
    return std::bit_cast<T>(raw);
}

/// All elements in @p bytes, whose size is a multiple of sizeof(T).
template <class T>
[[nodiscard]] std::vector<T> load_elements(std::span<const std::byte> bytes) {
    std::vector<T> out(bytes.size() / sizeof(T));
    if constexpr (std::endian::native == std::endian::little) {
        if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    } else {
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = load_little_endian<T>(bytes.data() + i * sizeof(T));
    }
    return out;
}

/// Appends @p values to @p out, little-endian.
template <class T>
    requires std::is_trivially_copyable_v<T>
void store_little_endian(std::vector<std::byte>& out, std::span<const T> values) {
    if constexpr (std::endian::native == std::endian::little) {
        const auto raw = std::as_bytes(values);
        out.insert(out.end(), raw.begin(), raw.end());
    } else {
        for (const T& v : values) {
            const auto raw = std::as_bytes(std::span{&v, 1});
            out.insert(out.end(), raw.rbegin(), raw.rend());
        }
    }
}

/// @p x rounded to float. What rounds beyond the largest float becomes infinity, which a plain cast would leave undefined.
[[nodiscard]] inline float float_from_double(double x) noexcept {
    constexpr double too_large = 0x1.ffffffp127; // halfway from the largest float to 2^128: ties go up
    if (std::fabs(x) < too_large || std::isnan(x)) return static_cast<float>(x);
    return x < 0 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
}

} // namespace lutra::detail
