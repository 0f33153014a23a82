// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/numeric/float_batch.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>

namespace lutra {

/// AdamW (Loshchilov and Hutter, 2019): Adam with decoupled weight decay.
struct adamw_options {
    float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
    float weight_decay = 0.05f; ///< of weight matrices only

    friend constexpr bool operator==(const adamw_options&, const adamw_options&) = default;
};

inline namespace LUTRA_ISA {

/// A cosine schedule with linear warm-up (Loshchilov and Hutter, 2017): the learning rate at @p step of @p steps, from 0
/// on. The first @p warmup steps rise to @p peak; then it falls to @p last, where it stays.
[[nodiscard]] inline float cosine_schedule(std::uint64_t step, std::uint64_t steps, std::uint64_t warmup, float peak,
                                           float last) {
    if (step < warmup) return peak * static_cast<float>(step + 1) / static_cast<float>(warmup);
    if (step >= steps) return last;
    const double progress = static_cast<double>(step - warmup) / static_cast<double>(steps - warmup);
    return last + (peak - last) * static_cast<float>(0.5 * (1 + std::cos(std::numbers::pi * progress)));
}

/// One AdamW step on some parameters, with as many gradients and moments @p first and @p second. @p step counts from 1;
/// @p rate is the learning rate; @p scale multiplies the gradient (clipping); weight decay applies where @p decays.
LUTRA_INLINE void adamw_step(std::span<float> parameters, std::span<const float> gradient, std::span<float> first,
                             std::span<float> second, std::uint64_t step, float rate, float scale, bool decays,
                             const adamw_options& o) {
    const auto t = static_cast<double>(step);
    const auto correct1 = static_cast<float>(1 / (1 - std::pow(static_cast<double>(o.beta1), t)));
    const auto correct2 = static_cast<float>(1 / (1 - std::pow(static_cast<double>(o.beta2), t)));
    const float_batch keep = broadcast(decays ? 1.0f - rate * o.weight_decay : 1.0f);
    for_each_register(parameters.size(), [&](std::size_t i, std::size_t n) {
        const float_batch g = load_some(gradient.data() + i, n) * broadcast(scale);
        const float_batch m = multiply_add(load_some(first.data() + i, n), broadcast(o.beta1), g * broadcast(1 - o.beta1));
        const float_batch v =
            multiply_add(load_some(second.data() + i, n), broadcast(o.beta2), g * g * broadcast(1 - o.beta2));
        const float_batch step_size =
            broadcast(rate * correct1) * m / (square_root(v * broadcast(correct2)) + broadcast(o.epsilon));
        store_some(first.data() + i, m, n);
        store_some(second.data() + i, v, n);
        store_some(parameters.data() + i, load_some(parameters.data() + i, n) * keep - step_size, n);
    });
}

/// The sum of squares, in double.
[[nodiscard]] inline double sum_of_squares(std::span<const float> x) {
    double total = 0;
    constexpr std::size_t chunk = 4096;
    for (std::size_t start = 0; start < x.size(); start += chunk) {
        float_batch sum = broadcast(0.0f);
        const auto part = x.subspan(start, x.size() - start < chunk ? x.size() - start : chunk);
        for_each_register(part.size(), [&](std::size_t i, std::size_t n) {
            const float_batch v = load_some(part.data() + i, n);
            sum = multiply_add(v, v, sum);
        });
        total += static_cast<double>(sum_of(sum));
    }
    return total;
}

} // namespace LUTRA_ISA
} // namespace lutra
