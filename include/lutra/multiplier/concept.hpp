// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/hardware_cost.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

/// @file
/// What a multiplier is. The left operand is the activation, the right operand the weight, everywhere in the
/// library: many circuits do not commute, so exchanging the two gives other results.

namespace lutra {

namespace detail::mul {

template <class T>
concept operand = std::integral<T> && !std::same_as<std::remove_cv_t<T>, bool>;
template <class M>
concept has_lhs = requires { requires operand<typename M::lhs>; };
template <class M>
concept has_rhs = requires { requires operand<typename M::rhs>; };
template <class M>
concept has_product = requires { requires operand<typename M::product>; };
template <class M>
concept has_types = has_lhs<M> && has_rhs<M> && has_product<M>;
template <class M>
concept has_name = requires {
    { M::name } -> std::convertible_to<std::string_view>;
};
template <class M>
concept has_multiply = requires(typename M::lhs a, typename M::rhs b) {
    { M::multiply(a, b) } -> std::same_as<typename M::product>;
};
template <class M>
concept noexcept_multiply = requires(typename M::lhs a, typename M::rhs b) {
    { M::multiply(a, b) } noexcept;
};
template <class M>
concept constexpr_multiply = requires {
    typename std::integral_constant<typename M::product, M::multiply(typename M::lhs{}, typename M::rhs{})>;
};
template <class T>
inline constexpr int width_v = std::numeric_limits<T>::digits + (std::is_signed_v<T> ? 1 : 0);

// Constants that are there must be right; constants that are not there have a default.
template <class M>
concept good_lhs_bits = !requires { M::lhs_bits; } || requires {
    requires M::lhs_bits >= 1 && M::lhs_bits <= width_v<typename M::lhs>;
};
template <class M>
concept good_rhs_bits = !requires { M::rhs_bits; } || requires {
    requires M::rhs_bits >= 1 && M::rhs_bits <= width_v<typename M::rhs>;
};
template <class M>
concept good_cost = !requires { M::cost; } || requires {
    { M::cost } -> std::convertible_to<hardware_cost>;
    requires hardware_cost{M::cost}.power >= 0 && hardware_cost{M::cost}.area >= 0 && hardware_cost{M::cost}.delay >= 0;
};

} // namespace detail::mul

/// A multiplier circuit as an empty type. It has
/// - `lhs`, `rhs`, `product`: integer types, signed or unsigned, of the activation, the weight and their product;
/// - `name`: a static constexpr std::string_view;
/// - `static constexpr product multiply(lhs, rhs) noexcept`;
/// - optionally `lhs_bits`, `rhs_bits`: how many low bits of an operand the circuit has wires for (default: all);
/// - optionally `cost`: a static constexpr hardware_cost relative to the exact 8x8 multiplier.
///
/// @code
/// struct even_lhs {
///     using lhs = std::int8_t;
///     using rhs = std::int8_t;
///     using product = std::int32_t;
///     static constexpr std::string_view name = "even_lhs";
///     static constexpr product multiply(lhs a, rhs b) noexcept { return (a & ~1) * b; }
/// };
/// static_assert(lutra::check_multiplier<even_lhs>());
/// @endcode
template <class M>
concept multiplier = std::is_empty_v<M> && std::is_default_constructible_v<M> && detail::mul::has_types<M> &&
                     detail::mul::has_name<M> && detail::mul::has_multiply<M> && detail::mul::noexcept_multiply<M> &&
                     detail::mul::constexpr_multiply<M> && detail::mul::good_lhs_bits<M> && detail::mul::good_rhs_bits<M> &&
                     detail::mul::good_cost<M>;

/// True for a multiplier; for any other type, a compile error with one sentence for each clause that it breaks.
template <class M>
consteval bool check_multiplier() {
    using namespace detail::mul;
    static_assert(std::is_empty_v<M> && std::is_default_constructible_v<M>,
                  "lutra::multiplier: make it an empty, default constructible type; state belongs in a table_multiplier.");
    static_assert(has_lhs<M>, "lutra::multiplier: give it 'using lhs = ...;', the integer type of the activation.");
    static_assert(has_rhs<M>, "lutra::multiplier: give it 'using rhs = ...;', the integer type of the weight.");
    static_assert(has_product<M>, "lutra::multiplier: give it 'using product = ...;', the integer type of a product.");
    static_assert(has_name<M>, "lutra::multiplier: give it 'static constexpr std::string_view name = ...;'.");
    static_assert(!has_types<M> || has_multiply<M>,
                  "lutra::multiplier: give it 'static constexpr product multiply(lhs, rhs) noexcept'.");
    static_assert(!has_multiply<M> || noexcept_multiply<M>, "lutra::multiplier: declare multiply(lhs, rhs) noexcept.");
    static_assert(!has_multiply<M> || constexpr_multiply<M>,
                  "lutra::multiplier: make multiply(lhs, rhs) usable in constant expressions (static constexpr).");
    static_assert(!has_lhs<M> || good_lhs_bits<M>, "lutra::multiplier: lhs_bits must be from 1 to the width of lhs.");
    static_assert(!has_rhs<M> || good_rhs_bits<M>, "lutra::multiplier: rhs_bits must be from 1 to the width of rhs.");
    static_assert(good_cost<M>, "lutra::multiplier: cost must be a lutra::hardware_cost without negative numbers.");
    return multiplier<M>;
}

/// The bits of the activation that M has wires for: M::lhs_bits, or the width of M::lhs.
template <multiplier M>
inline constexpr int lhs_bits_v = [] {
    if constexpr (requires { M::lhs_bits; }) return static_cast<int>(M::lhs_bits);
    else return detail::mul::width_v<typename M::lhs>;
}();

/// The bits of the weight that M has wires for: M::rhs_bits, or the width of M::rhs.
template <multiplier M>
inline constexpr int rhs_bits_v = [] {
    if constexpr (requires { M::rhs_bits; }) return static_cast<int>(M::rhs_bits);
    else return detail::mul::width_v<typename M::rhs>;
}();

namespace detail::mul {

template <class M, std::size_t I>
concept has_term = requires(typename M::lhs a, typename M::rhs b) {
    { M::template lhs_term<I>(a) } -> std::convertible_to<std::int32_t>;
    { M::template rhs_term<I>(b) } -> std::convertible_to<std::int32_t>;
    { M::template term_scale<I> } -> std::convertible_to<std::int32_t>;
};
template <class M>
inline constexpr bool has_all_terms = []<std::size_t... I>(std::index_sequence<I...>) {
    return (has_term<M, I> && ...);
}(std::make_index_sequence<static_cast<std::size_t>(M::rank)>{});

} // namespace detail::mul

/// A multiplier that is, exactly, a sum of `rank` products of functions of one operand:
///
///     multiply(a, b) == sum over i < rank of term_scale<i> * lhs_term<i>(a) * rhs_term<i>(b)
///
/// so that a matrix product under it is `rank` exact ones on mapped operands. The claim is checked before it is used.
template <class M>
concept separable_multiplier = multiplier<M> && requires { requires M::rank >= 1; } && detail::mul::has_all_terms<M>;

/// The sum on the right-hand side of a separable multiplier's claim.
template <separable_multiplier M>
[[nodiscard]] constexpr std::int32_t separable_product(typename M::lhs a, typename M::rhs b) noexcept {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (std::int32_t{0} + ... + (std::int32_t{M::template term_scale<I>} * std::int32_t{M::template lhs_term<I>(a)} *
                                        std::int32_t{M::template rhs_term<I>(b)}));
    }(std::make_index_sequence<static_cast<std::size_t>(M::rank)>{});
}

} // namespace lutra
