// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/prune/threshold.hpp>
#include <lutra/prune/top_k.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// Which activations of a matrix become zero.
enum class activation_pruning_kind : std::uint8_t {
    none,
    threshold, ///< those of magnitude at most tau: DynaTran (Tuli and Jha, 2023)
    top_k,     ///< all but the greatest magnitudes of each row
};

/// The rule by which the activations of one block become zero, chosen at run time.
///
/// @code
/// constexpr lutra::activation_pruning dynatran{.kind = lutra::activation_pruning_kind::threshold, .tau = 0.05f};
/// @endcode
struct activation_pruning {
    activation_pruning_kind kind = activation_pruning_kind::none;
    float tau = 0;    ///< threshold: at least 0, in the units of the real numbers, whatever the network's precision
    double share = 1; ///< top_k: of a row's elements that stay, in [0, 1]; as many of n as kept(n)

    [[nodiscard]] constexpr bool active() const noexcept { return kind != activation_pruning_kind::none; }
    /// How many of @p n elements top_k keeps: share x n, rounded up (but for what a decimal share loses in binary).
    [[nodiscard]] constexpr std::size_t kept(std::size_t n) const noexcept {
        const double wanted = share * static_cast<double>(n) * (1 - 0x1p-50);
        const auto whole = static_cast<std::size_t>(wanted);
        return whole + (static_cast<double>(whole) < wanted);
    }
    friend constexpr bool operator==(const activation_pruning&, const activation_pruning&) = default;
};

/// Panics (bad_argument) unless the member that the rule reads is in its range; NaN is in none.
constexpr void require_valid(const activation_pruning& p) {
    if (p.kind == activation_pruning_kind::threshold)
        require(p.tau >= 0, panic_code::bad_argument, "a pruning threshold must be at least 0");
    if (p.kind == activation_pruning_kind::top_k)
        require(p.share >= 0 && p.share <= 1, panic_code::bad_argument, "the share that top-k keeps must be in [0, 1]");
}

inline namespace LUTRA_ISA {

/// Applies @p rule to a matrix of floats, in place, and returns how many of its elements are zero then (0 without a rule,
/// which looks at nothing). @p scratch: one element a column for top_k, else none.
inline std::size_t prune(matrix_view<float> x, const activation_pruning& rule, std::span<std::uint32_t> scratch) {
    require_valid(rule);
    std::size_t zeros = 0;
    if (rule.kind == activation_pruning_kind::threshold) zeros = prune_threshold(x, rule.tau);
    if (rule.kind == activation_pruning_kind::top_k)
        for (std::size_t r = 0; r < x.rows(); ++r) zeros += prune_top_k(x.row(r), rule.kept(x.cols()), scratch);
    return zeros;
}
/// The same for int8 at @p scale: what becomes zero are the integers whose real magnitude is at most tau.
inline std::size_t prune(matrix_view<std::int8_t> x, const activation_pruning& rule, float scale) {
    require_valid(rule);
    std::size_t zeros = 0;
    if (rule.kind == activation_pruning_kind::threshold) zeros = prune_threshold(x, integer_threshold(rule.tau, scale));
    if (rule.kind == activation_pruning_kind::top_k)
        for (std::size_t r = 0; r < x.rows(); ++r) zeros += prune_top_k(x.row(r), rule.kept(x.cols()));
    return zeros;
}

} // namespace LUTRA_ISA
} // namespace lutra
