// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/concept.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace lutra {

/// How the eight bits of an operand, or the bits of a stored product, are read.
enum class signedness : std::uint8_t { is_signed, is_unsigned };

/// The value of an operand's eight bits: -128 to 127, or 0 to 255.
[[nodiscard]] constexpr std::int32_t operand_value(std::uint8_t bits, signedness sign) noexcept {
    return sign == signedness::is_signed ? std::int32_t{static_cast<std::int8_t>(bits)} : std::int32_t{bits};
}

/// How the bits of the activation (lhs) and of the weight (rhs) are meant. One signedness stands for both.
struct operand_signs {
    signedness lhs = signedness::is_signed, rhs = signedness::is_signed;

    constexpr operand_signs() noexcept = default;
    constexpr operand_signs(signedness both) noexcept : lhs{both}, rhs{both} {}
    constexpr operand_signs(signedness l, signedness r) noexcept : lhs{l}, rhs{r} {}

    /// Whether both are signed.
    [[nodiscard]] constexpr bool all_signed() const noexcept { return *this == signedness::is_signed; }
    /// The exact product of two bit patterns.
    [[nodiscard]] constexpr std::int32_t exact_product(std::uint8_t a, std::uint8_t b) const noexcept {
        return operand_value(a, lhs) * operand_value(b, rhs);
    }
    friend constexpr bool operator==(operand_signs, operand_signs) noexcept = default;
};

namespace detail::mul {

/// The operand that a circuit with @p Width wires sees of eight bits: the low ones, the highest of them the sign.
template <class T, int Width>
[[nodiscard]] constexpr T operand_from_bits(std::uint8_t bits) noexcept {
    constexpr int shift = Width < 8 ? 8 - Width : 0;
    const auto high = static_cast<std::uint8_t>(bits << shift);
    if constexpr (std::is_signed_v<T>) return static_cast<T>(static_cast<std::int8_t>(high) >> shift);
    else return static_cast<T>(high >> shift);
}

/// True for a multiplier whose products fill a table; a compile error for any other.
template <multiplier M>
consteval bool check_table_operands() {
    static_assert(lhs_bits_v<M> <= 8 && rhs_bits_v<M> <= 8,
                  "lutra: only multipliers of at most 8x8 bits have a table; say lhs_bits and rhs_bits if fewer are used.");
    return true;
}

/// The product of two bit patterns under M.
template <multiplier M>
[[nodiscard]] constexpr std::int64_t product_of_bits(std::uint8_t a, std::uint8_t b) noexcept {
    static_assert(check_table_operands<M>());
    return static_cast<std::int64_t>(M::multiply(operand_from_bits<typename M::lhs, lhs_bits_v<M>>(a),
                                                 operand_from_bits<typename M::rhs, rhs_bits_v<M>>(b)));
}

template <class T>
inline constexpr signedness signedness_v = std::is_signed_v<T> ? signedness::is_signed : signedness::is_unsigned;
template <multiplier M>
inline constexpr operand_signs operand_signs_v{signedness_v<typename M::lhs>, signedness_v<typename M::rhs>};

/// The operand types that a callable's signature names; int8_t where it names others or is a template.
template <class L, class R>
struct operand_types {
    using lhs = std::conditional_t<std::is_same_v<L, std::uint8_t>, std::uint8_t, std::int8_t>;
    using rhs = std::conditional_t<std::is_same_v<R, std::uint8_t>, std::uint8_t, std::int8_t>;
    static constexpr bool unsaid = std::is_same_v<lhs, std::uint8_t> && std::is_same_v<rhs, std::uint8_t>;
};
template <class T, class L, class R>
operand_types<L, R> types_of_function(T (*)(L, R));
template <class T, class C, class L, class R>
operand_types<L, R> types_of_function(T (C::*)(L, R) const);
template <class T, class C, class L, class R>
operand_types<L, R> types_of_function(T (C::*)(L, R));

template <class F>
consteval auto types_of_callable() {
    if constexpr (requires(F f) { types_of_function(f); }) return decltype(types_of_function(std::declval<F>())){};
    else if constexpr (requires { types_of_function(&F::operator()); }) return decltype(types_of_function(&F::operator())){};
    else return operand_types<std::int8_t, std::int8_t>{};
}

} // namespace detail::mul

} // namespace lutra
