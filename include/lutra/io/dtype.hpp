// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/io reads and writes files and needs an operating system: leave it out of a freestanding build."
#endif

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace lutra {

/// The element type of a stored tensor, as safetensors counts them.
enum class dtype : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

namespace detail {
struct dtype_entry {
    std::string_view name;
    std::size_t size;
};
inline constexpr std::array<dtype_entry, 10> dtype_table{{
    {"F64", 8},
    {"F32", 4},
    {"F16", 2},
    {"BF16", 2},
    {"I64", 8},
    {"I32", 4},
    {"I16", 2},
    {"I8", 1},
    {"U8", 1},
    {"BOOL", 1},
}};
} // namespace detail

/// The name of @p type in a safetensors header: "F32".
[[nodiscard]] constexpr std::string_view dtype_name(dtype type) noexcept {
    return detail::dtype_table[static_cast<std::size_t>(type)].name;
}

/// The bytes of one element of @p type.
[[nodiscard]] constexpr std::size_t dtype_size(dtype type) noexcept {
    return detail::dtype_table[static_cast<std::size_t>(type)].size;
}

/// The type that a safetensors header calls @p name, if there is one.
[[nodiscard]] constexpr std::optional<dtype> dtype_from_name(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::dtype_table.size(); ++i)
        if (detail::dtype_table[i].name == name) return static_cast<dtype>(i);
    return std::nullopt;
}

/// The C++ types that are stored as they are. bool is not one: its bytes are checked, see safetensors::booleans.
template <class T>
concept stored_element =
    std::same_as<T, double> || std::same_as<T, float> || std::same_as<T, std::int64_t> || std::same_as<T, std::int32_t> ||
    std::same_as<T, std::int16_t> || std::same_as<T, std::int8_t> || std::same_as<T, std::uint8_t>;

/// The dtype that stores a T.
template <stored_element T>
inline constexpr dtype dtype_of = std::same_as<T, double>         ? dtype::f64
                                  : std::same_as<T, float>        ? dtype::f32
                                  : std::same_as<T, std::int64_t> ? dtype::i64
                                  : std::same_as<T, std::int32_t> ? dtype::i32
                                  : std::same_as<T, std::int16_t> ? dtype::i16
                                  : std::same_as<T, std::int8_t>  ? dtype::i8
                                                                  : dtype::u8;

/// The float that an IEEE 754 binary16 with these @p bits stands for; exact, subnormals, infinities and NaN included.
[[nodiscard]] constexpr float float_from_half(std::uint16_t bits) noexcept {
    const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 0x1fu, fraction = bits & 0x3ffu;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
    if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
}

/// The float whose upper half @p bits are.
[[nodiscard]] constexpr float float_from_bfloat16(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

} // namespace lutra
