// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/functions.hpp>
#include <lutra/nonlinear/integer_gelu.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>
#include <lutra/numeric/rounding.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lutra {

/// What an integer network can take for its activation function: a real function such as relu, a type with a `table` of it,
/// a pwl_table, or one that is computed in integers, such as ibert_gelu.
template <class A>
concept tabulated_activation = real_function<A> || requires {
    { int8_values(A::table, 0, 1.0) } -> std::same_as<std::array<std::int8_t, 256>>;
} || requires {
    { int8_values<A>(0, 1.0) } -> std::same_as<std::array<std::int8_t, 256>>;
};

/// All values of an activation function from int8 to int8, in the order of the bit pattern (0 to 127, -128 to -1), as
/// requantize_sums takes them: input q stands for q / 2^input_fraction, output r for r @p output_scale. Of a table its exact
/// sums, requantised; of a real function the nearest. Panics unless output_scale is positive.
template <tabulated_activation A>
[[nodiscard]] constexpr std::array<std::int8_t, 256> activation_values(int input_fraction, double output_scale) {
    if constexpr (requires { A::table; }) {
        return int8_values(A::table, input_fraction, output_scale);
    } else if constexpr (!real_function<A>) {
        return int8_values<A>(input_fraction, output_scale);
    } else {
        require(output_scale > 0, panic_code::bad_argument, "the output scale of a table must be positive");
        const double step = 1.0 / static_cast<double>(std::int32_t{1} << input_fraction);
        std::array<std::int8_t, 256> values{};
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto q = static_cast<std::int8_t>(static_cast<std::uint8_t>(i));
            const double y = A::at(q * step) / output_scale;
            values[i] = static_cast<std::int8_t>(round_clipped<rounding::half_even>(y, -127, 127));
        }
        return values;
    }
}

/// The fraction bits of an activation's int8 input that suit an output of @p output_scale. All that the output can show is
/// within range where the function does not exceed its argument (GELU, ReLU, hswish, SiLU), and so is [-4, 4), where such
/// functions bend.
[[nodiscard]] constexpr int activation_input_fraction(double output_scale) noexcept {
    int fraction = 5;
    for (double step = 0x1p-5; fraction > 0 && step < output_scale; step *= 2) --fraction;
    return fraction;
}

} // namespace lutra
