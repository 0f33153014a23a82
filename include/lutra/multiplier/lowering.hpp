// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>
#include <lutra/multiplier/plan_cost.hpp>
#include <lutra/multiplier/table.hpp>
#if LUTRA_HOSTED
    #include <lutra/core/text.hpp>
    #include <lutra/multiplier/detail/declared_terms.hpp>
    #include <lutra/multiplier/heap_table.hpp>

    #include <memory>
#else
    #include <lutra/multiplier/lowered_constant.hpp>
#endif

#include <cstddef>
#include <cstdint>

/// @file
/// From a multiplier to the plan that gives exactly its products in the least time that plan_cost.hpp predicts.

namespace lutra {

namespace detail::mul {

/// Everything that a table offers, as the table plan; of several sets of terms the one that is cheapest on @p on, and of
/// equals the @p declared one.
[[nodiscard]] constexpr lowered_multiplier all_of(const table_multiplier& table, separable_terms declared, isa on) noexcept {
    lowered_multiplier m{.kind = plan_kind::table,
                         .lhs_operands = table.operands().lhs,
                         .rhs_operands = table.operands().rhs,
                         .rank = 0,
                         .products16 = table.products16(),
                         .products32 = table.products().data(),
                         .min_product = table.min_product(),
                         .max_product = table.max_product(),
                         .cost = table.cost().value_or(hardware_cost{}),
                         .name = table.name(),
                         .terms = declared,
                         .lowered_for = on};
#if LUTRA_HOSTED
    const table_plans& plans = table.plans();
    if (!plans.known) return m;
    if (m.products16 != nullptr) m.products16_by_weight = plans.products16_by_weight.data();
    if (plans.errors_fit) {
        m.errors = plans.errors.data();
        m.errors_by_weight = plans.errors_by_weight.data();
        m.error_shift = plans.error_shift;
    }
    const auto time = [&](const separable_terms& t) {
        return predicted_time({.kind = plan_kind::separable, .rank = t.rank, .factors = t.factors}, on);
    };
    for (const separable_terms& t : {plans.found.view(), plans.digits.view()})
        if (t.rank > 0 && (m.terms.rank == 0 || time(t) < time(m.terms))) m.terms = t;
#endif
    return m;
}

[[nodiscard]] constexpr lowered_multiplier exact_of(const lowered_multiplier& m) noexcept {
    return {.min_product = m.min_product,
            .max_product = m.max_product,
            .cost = m.cost,
            .name = m.name,
            .lowered_for = m.lowered_for};
}

/// The cheapest of the plans that @p m, from all_of, admits.
[[nodiscard]] constexpr lowered_multiplier cheapest_of(const lowered_multiplier& m, bool exact) {
    if (exact) return exact_of(m);
    lowered_multiplier best = m;
#if LUTRA_HOSTED // on firmware a table offers nothing else, and double arithmetic has no place
    for (const plan_kind kind : {plan_kind::error_plane, plan_kind::separable}) // the later wins a tie
        if (m.admits(kind))
            if (const lowered_multiplier other = m.with_plan(kind);
                predicted_time(other.shape(), m.lowered_for) <= predicted_time(best.shape(), m.lowered_for))
                best = other;
#endif
    return best;
}

[[nodiscard]] constexpr bool has_exact_plan(const table_multiplier& table) noexcept {
    return table.operands().all_signed() && table.is_exact();
}

#if LUTRA_HOSTED
/// A multiplier type's table and, if it declares them, its terms, after a check of both.
template <multiplier M>
class lowered_type {
public:
    lowered_type() : table_{make_table<M>()}, exact_{has_exact_plan(*table_)} {
        if constexpr (separable_multiplier<M>) {
            check_declaration();
            declared_ = declared_terms<M>();
            require(declared_.rank == 0 || first_difference(declared_.view(), table_->products()) == 65536,
                    panic_code::verification, "the maps made of a multiplier's declared terms do not give its products");
        }
    }
    [[nodiscard]] lowered_multiplier all(isa on) const {
        lowered_multiplier m = all_of(*table_, declared_.view(), on);
        m.name = M::name;
        return m;
    }
    [[nodiscard]] bool exact() const noexcept { return exact_; }

    static const lowered_type& get() {
        static const lowered_type once;
        return once;
    }

private:
    void check_declaration() const {
        for (std::size_t i = 0; i < 65536; ++i) {
            const auto a = operand_from_bits<typename M::lhs, lhs_bits_v<M>>(static_cast<std::uint8_t>(i >> 8));
            const auto b = operand_from_bits<typename M::rhs, rhs_bits_v<M>>(static_cast<std::uint8_t>(i & 255));
            const std::int32_t declared = separable_product<M>(a, b), product = table_->products()[i];
            if (declared == product) continue;
            static const text<200> message = text<200>{"the terms that the multiplier "}
                                             << text<64>{M::name} << " declares do not sum up to its product of " << a
                                             << " and " << b;
            panic(panic_code::verification, message.view().data(), declared, product);
        }
    }
    std::unique_ptr<const table_multiplier> table_;
    bool exact_;
    separable_maps<> declared_; ///< rank 0: none
};
#endif

} // namespace detail::mul

/// Lowers a table to the plan that is the cheapest on the instruction set @p on. The result points into @p table, which must
/// stay and not change; a temporary is refused.
[[nodiscard]] constexpr lowered_multiplier lower(const table_multiplier& table, isa on) {
    return detail::mul::cheapest_of(detail::mul::all_of(table, {}, on), detail::mul::has_exact_plan(table));
}
lowered_multiplier lower(const table_multiplier&&, isa) = delete;

/// Whether lower(table, kind) would find such a plan.
[[nodiscard]] constexpr bool admits(const table_multiplier& table, plan_kind kind) noexcept {
    return kind == plan_kind::exact ? detail::mul::has_exact_plan(table)
                                    : detail::mul::all_of(table, {}, isa::scalar).admits(kind);
}

inline namespace LUTRA_ISA {

/// Lowers a table to its cheapest plan on this machine.
[[nodiscard]] inline lowered_multiplier lower(const table_multiplier& table) { return lower(table, best_isa()); }
lowered_multiplier lower(const table_multiplier&&) = delete;

/// Lowers a table to a plan of one's choice. Panics where it does not admit that plan.
[[nodiscard]] inline lowered_multiplier lower(const table_multiplier& table, plan_kind kind) {
    const lowered_multiplier m = detail::mul::all_of(table, {}, best_isa());
    return kind == plan_kind::exact && detail::mul::has_exact_plan(table) ? detail::mul::exact_of(m) : m.with_plan(kind);
}
lowered_multiplier lower(const table_multiplier&&, plan_kind) = delete;

/// Lowers a multiplier type to its cheapest plan on this machine. Hosted: its table is built on the first call, once for the
/// program, from any thread; panics if the terms that it declares are not its products. On firmware: lowered_v<M>.
template <multiplier M>
[[nodiscard]] lowered_multiplier lower(M) {
#if LUTRA_HOSTED
    const auto& type = detail::mul::lowered_type<M>::get();
    return detail::mul::cheapest_of(type.all(best_isa()), type.exact());
#else
    return lowered_v<M>;
#endif
}

/// Lowers a multiplier type to a plan of one's choice. Panics where it does not admit that plan; on firmware that is any but
/// the plan of lowered_v<M>.
template <multiplier M>
[[nodiscard]] lowered_multiplier lower(M, plan_kind kind) {
#if LUTRA_HOSTED
    const auto& type = detail::mul::lowered_type<M>::get();
    const lowered_multiplier m = type.all(best_isa());
    return kind == plan_kind::exact && type.exact() ? detail::mul::exact_of(m) : m.with_plan(kind);
#else
    return lowered_v<M>.with_plan(kind);
#endif
}

} // namespace LUTRA_ISA
} // namespace lutra
