// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/concept.hpp>
#include <lutra/multiplier/table.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace lutra {

/// How far a multiplier is from exact, over all pairs of operands (65,536 of 8x8 bits). Percentages of the range are of
/// 2^(lhs_bits + rhs_bits), 2^16 for 8x8.
struct error_metrics {
    double mae = 0;         ///< mean absolute error
    double mae_percent = 0; ///< ... of the range
    double mre_percent = 0; ///< mean relative error over the pairs whose exact product is not zero
    std::int64_t wce = 0;   ///< worst-case (largest) absolute error
    double wce_percent = 0; ///< ... of the range
    double ep_percent = 0;  ///< error probability: pairs with any error
    double mse = 0;         ///< mean squared error
    double bias = 0;        ///< mean of approximate - exact
    friend constexpr bool operator==(const error_metrics&, const error_metrics&) = default;
};

/// Sums from which the metrics follow. The order of the pairs matters to the relative error only: the squares' sum is
/// exact below 2^53, hence over all pairs of 8x8 bits, and beyond a number that 64 bits of integer could not hold.
class error_sums {
public:
    constexpr void add(std::int64_t exact_product, std::int64_t product) noexcept {
        const std::int64_t e = product - exact_product, size = e < 0 ? -e : e;
        ++pairs_;
        if (exact_product != 0) {
            ++nonzero_;
            relative_ += static_cast<double>(size) / static_cast<double>(exact_product < 0 ? -exact_product : exact_product);
        }
        if (e == 0) return;
        ++wrong_;
        absolute_ += size;
        signed_ += e;
        squared_ += static_cast<double>(size) * static_cast<double>(size);
        if (size > worst_) worst_ = size;
    }
    constexpr void add(const error_sums& other) noexcept {
        pairs_ += other.pairs_;
        nonzero_ += other.nonzero_;
        wrong_ += other.wrong_;
        absolute_ += other.absolute_;
        signed_ += other.signed_;
        worst_ = other.worst_ > worst_ ? other.worst_ : worst_;
        squared_ += other.squared_;
        relative_ += other.relative_;
    }
    /// The metrics of what was added, in percent of @p range; all zero if nothing was.
    [[nodiscard]] constexpr error_metrics metrics(double range) const noexcept {
        if (pairs_ == 0) return {};
        const auto n = static_cast<double>(pairs_);
        error_metrics m;
        m.mae = static_cast<double>(absolute_) / n;
        m.mae_percent = 100 * m.mae / range;
        m.mre_percent = nonzero_ == 0 ? 0 : 100 * relative_ / static_cast<double>(nonzero_);
        m.wce = worst_;
        m.wce_percent = 100 * static_cast<double>(worst_) / range;
        m.ep_percent = 100 * static_cast<double>(wrong_) / n;
        m.mse = squared_ / n;
        m.bias = static_cast<double>(signed_) / n;
        return m;
    }

private:
    std::int64_t pairs_ = 0, nonzero_ = 0, wrong_ = 0, absolute_ = 0, signed_ = 0, worst_ = 0;
    double squared_ = 0, relative_ = 0;
};

namespace detail::mul {

template <multiplier M>
inline constexpr int lhs_patterns_v = 1 << lhs_bits_v<M>;
template <multiplier M>
inline constexpr int rhs_patterns_v = 1 << rhs_bits_v<M>;

/// The sums over the activations whose bits are @p first to @p last - 1.
template <multiplier M>
constexpr error_sums sum_rows(int first, int last) noexcept {
    static_assert(lhs_bits_v<M> <= 8 && rhs_bits_v<M> <= 8,
                  "lutra: error metrics are taken over all pairs, of at most 8x8 bits; say lhs_bits and rhs_bits if "
                  "fewer are used.");
    error_sums sums;
    for (int i = first; i < last; ++i) {
        const auto a = operand_from_bits<typename M::lhs, lhs_bits_v<M>>(static_cast<std::uint8_t>(i));
        for (int j = 0; j < rhs_patterns_v<M>; ++j) {
            const auto b = operand_from_bits<typename M::rhs, rhs_bits_v<M>>(static_cast<std::uint8_t>(j));
            sums.add(std::int64_t{a} * std::int64_t{b}, std::int64_t{M::multiply(a, b)});
        }
    }
    return sums;
}
// A sixteenth of the rows each, to stay below the compilers' limits for one evaluation.
template <multiplier M, int Part>
inline constexpr error_sums part_sums_v = sum_rows<M>(lhs_patterns_v<M> * Part / 16, lhs_patterns_v<M> * (Part + 1) / 16);

template <multiplier M>
constexpr error_metrics metrics_of_sums(const error_sums& sums) noexcept {
    return sums.metrics(static_cast<double>(lhs_patterns_v<M>) * rhs_patterns_v<M>);
}

} // namespace detail::mul

/// The error metrics of the multiplier type M of at most 8x8 bits, over the operands that it has wires for. For run
/// time; error_metrics_v is the constant.
template <multiplier M>
[[nodiscard]] error_metrics metrics_of() noexcept {
    error_sums sums;
    // Row by row: called with constants, sum_rows would be folded by the compiler, at seconds a multiplier.
    for (int i = 0; i < detail::mul::lhs_patterns_v<M>; ++i) sums.add(detail::mul::sum_rows<M>(i, i + 1));
    return detail::mul::metrics_of_sums<M>(sums);
}

/// metrics_of<M>() as a constant, for assertions such as `error_metrics_v<drum<4>>.mae_percent < 0.4`. It costs
/// the compiler a few seconds a multiplier.
template <multiplier M>
inline constexpr error_metrics error_metrics_v = []<int... Part>(std::integer_sequence<int, Part...>) {
    error_sums sums;
    (sums.add(detail::mul::part_sums_v<M, Part>), ...);
    return detail::mul::metrics_of_sums<M>(sums);
}(std::make_integer_sequence<int, 16>{});

/// The error metrics of a table, against the exact products of its operands.
[[nodiscard]] constexpr error_metrics metrics_of(const table_multiplier& table) noexcept {
    error_sums sums;
    for (std::size_t i = 0; i < table_multiplier::entries; ++i) {
        const auto a = static_cast<std::uint8_t>(i >> 8), b = static_cast<std::uint8_t>(i & 255);
        sums.add(table.operands().exact_product(a, b), table.at(a, b));
    }
    return sums.metrics(65536);
}

} // namespace lutra
