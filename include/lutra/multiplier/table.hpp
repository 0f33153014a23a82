// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/hardware_cost.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/core/text.hpp>
#include <lutra/multiplier/gate_count.hpp>
#include <lutra/multiplier/operands.hpp>
#if LUTRA_HOSTED
    #include <lutra/multiplier/detail/table_plans.hpp>
#endif

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
#include <utility>

namespace lutra {

/// Any 8x8 multiplier as a truth table: 256 x 256 products, row = bit pattern of the activation (left operand), column =
/// bit pattern of the weight (right operand). A value without a heap: make it static or `new` it (hosted: heap_table.hpp
/// does), never put it on the stack. It is 384 KiB large; hosted 656 KiB, because filling it then also finds what lower()
/// chooses from, in 0.1 to 8 ms, or up to 0.4 s where factors are large and of no pattern (in constant expressions it does
/// not: such a table is lowered to the table plan).
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
    [[nodiscard]] static constexpr table_multiplier from_bits(F f, operand_signs sign, std::string_view name) {
        return table_multiplier{[&](table_multiplier& t) { t.fill_from_bits(f, sign), t.set_name(name); }, filler{}};
    }

    /// Overwrites everything with the multiplier type M of at most 8x8 bits.
    template <multiplier M>
    constexpr void fill_from() {
        fill([](std::uint8_t a, std::uint8_t b) { return detail::mul::product_of_bits<M>(a, b); },
             detail::mul::operand_signs_v<M>);
        name_ = text<64>{M::name};
        cost_ = cost_of<M>();
    }
    /// Overwrites all products with f(activation, weight) on values. Which values, its signature says: 0 to 255 for an
    /// operand of type uint8_t, else -128 to 127. A function of two uint8_t is refused, for circuits of either sign are
    /// written so.
    template <class F>
    constexpr void fill_from_values(F f) {
        using types = decltype(detail::mul::types_of_callable<F>());
        static_assert(!types::unsaid,
                      "lutra::table_multiplier: this function is declared on uint8_t; call fill_from_bits or from_bits and "
                      "say whether those bits are signed, or fill_from_values<std::uint8_t, std::uint8_t>.");
        fill_from_values<typename types::lhs, typename types::rhs>(std::move(f));
    }
    /// The same for operands of the types @p Lhs and @p Rhs, int8_t or uint8_t each.
    template <class Lhs, class Rhs, class F>
        requires std::invocable<F&, Lhs, Rhs>
    constexpr void fill_from_values(F f) {
        static_assert(sizeof(Lhs) == 1 && sizeof(Rhs) == 1, "lutra::table_multiplier: operands are int8_t or uint8_t.");
        fill([&](std::uint8_t a, std::uint8_t b) -> std::int64_t { return f(static_cast<Lhs>(a), static_cast<Rhs>(b)); },
             {detail::mul::signedness_v<Lhs>, detail::mul::signedness_v<Rhs>});
    }
    /// Overwrites all products with the low 16 bits of f(activation, weight) on bit patterns, 0 to 255; @p sign says how
    /// the operands are meant; those 16 bits are signed if an operand is. For C models declared `uint16_t f(uint8_t,
    /// uint8_t)`, which name these types for signed circuits too.
    template <class F>
        requires std::invocable<F&, std::uint8_t, std::uint8_t>
    constexpr void fill_from_bits(F f, operand_signs sign) {
        fill([&](std::uint8_t a, std::uint8_t b) {
            const auto bits = static_cast<std::uint16_t>(f(a, b));
            return sign == signedness::is_unsigned ? std::int64_t{bits} : std::int64_t{static_cast<std::int16_t>(bits)};
        }, sign);
    }
    /// Overwrites all products with g(activation's bits, weight's bits), 0 to 255 each, and forgets the cost; all other
    /// filling ends here. Panics when a product does not fit 32 bits.
    template <class G>
        requires std::invocable<G&, std::uint8_t, std::uint8_t>
    constexpr void fill(G g, operand_signs operands) {
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
#if LUTRA_HOSTED
        if (std::is_constant_evaluated()) plans_.known = false;
        else plans_.find(wide_, operands_);
#endif
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
    [[nodiscard]] constexpr operand_signs operands() const noexcept { return operands_; }
    /// Whether every entry is the exact product of its operands.
    [[nodiscard]] constexpr bool is_exact() const noexcept {
        for (std::size_t i = 0; i < entries; ++i)
            if (wide_[i] != operands_.exact_product(static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i & 255)))
                return false;
        return true;
    }
#if LUTRA_HOSTED
    /// What lower() chooses from.
    [[nodiscard]] constexpr const detail::mul::table_plans& plans() const noexcept { return plans_; }
#endif

private:
    struct filler {};
    template <class F>
    constexpr table_multiplier(F fill_this, filler) { fill_this(*this); }

    std::array<std::int32_t, entries> wide_{};
    std::array<std::int16_t, entries> short_{};
    std::int32_t min_ = 0, max_ = 0;
    operand_signs operands_;
    text<64> name_{"table"};
    std::optional<hardware_cost> cost_;
#if LUTRA_HOSTED
    detail::mul::table_plans plans_;
#endif
};

} // namespace lutra
