// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/numeric/constexpr_math.hpp>

#include <concepts>
#include <string_view>

/// @file
/// The functions, beside the activations, that transformers need tables of: empty types with `name` and `at(x)`.

namespace lutra {

/// A real function that tables can be fitted to: a name and a constexpr value. Any empty type of a user's own will do.
///
/// @code
/// struct cube {
///     static constexpr std::string_view name = "cube";
///     static constexpr double at(double x) { return x * x * x; }
/// };
/// static_assert(lutra::real_function<cube>);
/// @endcode
template <class F>
concept real_function = requires(double x) {
    { F::at(x) } -> std::same_as<double>;
    { F::name } -> std::convertible_to<std::string_view>;
};

/// e^x, of softmax.
struct natural_exponential {
    static constexpr std::string_view name = "exp";
    [[nodiscard]] static constexpr double at(double x) noexcept { return math::exp(x); }
};
/// 1 / x, of softmax and of linear attention.
struct reciprocal {
    static constexpr std::string_view name = "div";
    [[nodiscard]] static constexpr double at(double x) noexcept { return 1 / x; }
};
/// 1 / sqrt(x), of layer normalisation.
struct reciprocal_sqrt {
    static constexpr std::string_view name = "rsqrt";
    [[nodiscard]] static constexpr double at(double x) noexcept { return math::rsqrt(x); }
};
/// ln(1 + e^x) (Dugas and others, 2001).
struct softplus {
    static constexpr std::string_view name = "softplus";
    [[nodiscard]] static constexpr double at(double x) noexcept {
        return x > 0 ? x + math::log1p(math::exp(-x)) : math::log1p(math::exp(x));
    }
};

} // namespace lutra
