// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/hardware_cost.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/core/text.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace lutra {

/// How the eight bits of an operand, or the bits of a stored product, are read.
enum class signedness : std::uint8_t { is_signed, is_unsigned };

/// The value of an operand's eight bits: -128 to 127, or 0 to 255.
[[nodiscard]] constexpr std::int32_t operand_value(std::uint8_t bits, signedness sign) noexcept {
    return sign == signedness::is_signed ? std::int32_t{static_cast<std::int8_t>(bits)} : std::int32_t{bits};
}

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
    static_assert(std::is_signed_v<typename M::lhs> == std::is_signed_v<typename M::rhs>,
                  "lutra: a table needs operands that are both signed or both unsigned.");
    return true;
}

/// The product of two bit patterns under M.
template <multiplier M>
[[nodiscard]] constexpr std::int64_t product_of_bits(std::uint8_t a, std::uint8_t b) noexcept {
    static_assert(check_table_operands<M>());
    return static_cast<std::int64_t>(M::multiply(operand_from_bits<typename M::lhs, lhs_bits_v<M>>(a),
                                                 operand_from_bits<typename M::rhs, rhs_bits_v<M>>(b)));
}

template <multiplier M>
inline constexpr signedness signedness_v =
    std::is_signed_v<typename M::lhs> ? signedness::is_signed : signedness::is_unsigned;

template <class F>
concept bits_function_pointer =
    std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>> && requires(F f) {
        []<class R>(R (*)(std::uint8_t, std::uint8_t)) {}(f);
    };

} // namespace detail::mul

/// Any 8x8 multiplier as a truth table: 256 x 256 products, row = bit pattern of the activation (left operand), column =
/// bit pattern of the weight (right operand). A value without a heap, 384 KiB large: make it static or `new` it
/// (hosted: heap_table.hpp does), never put it on the stack.
///
/// @code
/// auto table = std::make_unique<lutra::table_multiplier>();
/// table->fill_from_bits(&mul8s_circuit, lutra::signedness::is_signed); // uint16_t mul8s_circuit(uint8_t, uint8_t)
/// table->set_name("mul8s_circuit");
/// @endcode
class table_multiplier {
public:
    static constexpr std::size_t entries = 65536;

    /// Every product is 0.
    constexpr table_multiplier() noexcept = default;

    /// The table of a multiplier type, its name and cost included. Elided: `new table_multiplier(from<M>())` makes no copy.
    template <multiplier M>
    [[nodiscard]] static constexpr table_multiplier from() {
        return table_multiplier{[](table_multiplier& t) { t.template fill_from<M>(); }, filler{}};
    }
    /// As fill_from_values.
    template <class F>
    [[nodiscard]] static constexpr table_multiplier from_values(F f, std::string_view name) {
        return table_multiplier{[&](table_multiplier& t) { t.fill_from_values(f), t.set_name(name); }, filler{}};
    }
    /// As fill_from_bits.
    template <class F>
    [[nodiscard]] static constexpr table_multiplier from_bits(F f, signedness sign, std::string_view name) {
        return table_multiplier{[&](table_multiplier& t) { t.fill_from_bits(f, sign), t.set_name(name); }, filler{}};
    }

    /// Overwrites everything with the multiplier type M of at most 8x8 bits.
    template <multiplier M>
    constexpr void fill_from() {
        fill([](std::uint8_t a, std::uint8_t b) { return detail::mul::product_of_bits<M>(a, b); },
             detail::mul::signedness_v<M>);
        name_ = text<64>{M::name};
        cost_ = cost_of<M>();
    }
    /// Overwrites all products with f(activation, weight) on signed values, -128 to 127.
    template <class F>
        requires std::invocable<F&, std::int8_t, std::int8_t>
    constexpr void fill_from_values(F f) {
        static_assert(!detail::mul::bits_function_pointer<F>,
                      "lutra::table_multiplier: this function is declared on uint8_t; call fill_from_bits or from_bits and "
                      "say whether those bits are signed.");
        fill([&](std::uint8_t a, std::uint8_t b) -> std::int64_t {
            return f(static_cast<std::int8_t>(a), static_cast<std::int8_t>(b));
        }, signedness::is_signed);
    }
    /// Overwrites all products with the low 16 bits of f(activation, weight) on bit patterns, 0 to 255; @p sign says how
    /// both the operands and those 16 bits are meant. For C models declared `uint16_t f(uint8_t, uint8_t)`, which name
    /// these types for signed circuits too.
    template <class F>
        requires std::invocable<F&, std::uint8_t, std::uint8_t>
    constexpr void fill_from_bits(F f, signedness sign) {
        fill([&](std::uint8_t a, std::uint8_t b) {
            const auto bits = static_cast<std::uint16_t>(f(a, b));
            return sign == signedness::is_signed ? std::int64_t{static_cast<std::int16_t>(bits)} : std::int64_t{bits};
        }, sign);
    }
    /// Overwrites all products with g(activation's bits, weight's bits), 0 to 255 each, and forgets the cost; all other
    /// filling ends here. Panics when a product does not fit 32 bits.
    template <class G>
        requires std::invocable<G&, std::uint8_t, std::uint8_t>
    constexpr void fill(G g, signedness operands) {
        operands_ = operands;
        cost_.reset();
        min_ = std::numeric_limits<std::int32_t>::max();
        max_ = std::numeric_limits<std::int32_t>::min();
        for (std::size_t i = 0; i < entries; ++i) {
            const std::int64_t p = g(static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i & 255));
            const auto narrow = static_cast<std::int32_t>(p);
            require(narrow == p, panic_code::overflow, "a product of a table_multiplier must fit 32 bits", p);
            wide_[i] = narrow;
            short_[i] = static_cast<std::int16_t>(narrow);
            min_ = std::min(min_, narrow);
            max_ = std::max(max_, narrow);
        }
    }

    constexpr void set_name(std::string_view name) noexcept { name_ = text<64>{name}; }
    constexpr void set_cost(std::optional<hardware_cost> cost) noexcept { cost_ = cost; }

    /// The product of two bit patterns.
    [[nodiscard]] constexpr std::int32_t at(std::uint8_t lhs, std::uint8_t rhs) const noexcept {
        return wide_[static_cast<std::size_t>(lhs) << 8 | rhs];
    }
    /// The product of an activation and a weight.
    [[nodiscard]] constexpr std::int32_t multiply(std::int8_t lhs, std::int8_t rhs) const noexcept {
        return at(static_cast<std::uint8_t>(lhs), static_cast<std::uint8_t>(rhs));
    }
    /// All products, row by row.
    [[nodiscard]] constexpr std::span<const std::int32_t, entries> products() const noexcept { return wide_; }
    /// The same in 16 bits, or null where one does not fit.
    [[nodiscard]] constexpr const std::int16_t* products16() const noexcept {
        return min_ >= -32768 && max_ <= 32767 ? short_.data() : nullptr;
    }
    [[nodiscard]] constexpr std::int32_t min_product() const noexcept { return min_; }
    [[nodiscard]] constexpr std::int32_t max_product() const noexcept { return max_; }
    [[nodiscard]] constexpr std::string_view name() const noexcept { return name_.view(); }
    [[nodiscard]] constexpr std::optional<hardware_cost> cost() const noexcept { return cost_; }
    /// How the operands' bit patterns are meant.
    [[nodiscard]] constexpr signedness operands() const noexcept { return operands_; }
    /// Whether every entry is the exact product of its operands.
    [[nodiscard]] constexpr bool is_exact() const noexcept {
        for (std::size_t i = 0; i < entries; ++i)
            if (wide_[i] != operand_value(static_cast<std::uint8_t>(i >> 8), operands_) *
                                operand_value(static_cast<std::uint8_t>(i & 255), operands_))
                return false;
        return true;
    }

private:
    struct filler {};
    template <class F>
    constexpr table_multiplier(F fill_this, filler) { fill_this(*this); }

    std::array<std::int32_t, entries> wide_{};
    std::array<std::int16_t, entries> short_{};
    std::int32_t min_ = 0, max_ = 0;
    signedness operands_ = signedness::is_signed;
    text<64> name_{"table"};
    std::optional<hardware_cost> cost_;
};

} // namespace lutra
