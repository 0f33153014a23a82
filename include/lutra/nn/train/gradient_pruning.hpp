// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace lutra {

/// Which gradients of activations become zero before the products that read them: DynaProp (Tuli and Jha, TransCODE, 2023).
struct gradient_pruning {
    float tau = 0;       ///< those of magnitude at most tau, at least 0, in the units of the loss of one image
    double sparsity = 0; ///< in [0, 1): the smallest of each tensor, about this share of it; in place of tau where not 0

    /// What is below the threshold becomes 0 or, in a share |g| / threshold of cases, +-threshold: on average nothing is
    /// lost, and fewer become 0 (Ye and others, Accelerating CNN training by pruning activation gradients, 2020).
    bool dither = false;

    [[nodiscard]] constexpr bool active() const noexcept { return tau > 0 || sparsity > 0; }
    friend constexpr bool operator==(const gradient_pruning&, const gradient_pruning&) = default;
};

/// Panics (bad_argument) unless both numbers are in their ranges; NaN is in none.
constexpr void require_valid(const gradient_pruning& p) {
    require(p.tau >= 0, panic_code::bad_argument, "the threshold of gradients must be at least 0");
    require(p.sparsity >= 0 && p.sparsity < 1, panic_code::bad_argument,
            "the share of gradients that become zero must be in [0, 1)");
}

inline namespace LUTRA_ISA {

/// The threshold for @p x: tau times @p weight, that of an image in the gradient; or the magnitude below which the share
/// `sparsity` of a sample lies, of 256 elements spread evenly: of the share that becomes zero in @p x the standard deviation
/// is 0.02 at 0.9. It depends on @p x alone, so that the result of training depends on no order of work.
[[nodiscard]] inline float threshold_for(matrix_view<const float> x, const gradient_pruning& p, float weight) {
    require_valid(p);
    const std::size_t size = x.rows() * x.cols();
    if (p.sparsity == 0 || size == 0) return p.tau * weight;
    constexpr std::size_t most = 256;
    std::array<float, most> sample;
    const std::size_t count = std::min(size, most), step = size / count;
    const std::size_t rows = step / x.cols(),
                      cols = step % x.cols(); // of a step: a division each would take longer than all
    for (std::size_t i = 0, r = 0, j = 0; i < count; ++i) {
        sample[i] = std::fabs(x(r, j));
        if (std::isnan(sample[i])) return 0; // training went wrong; nothing hides it
        r += rows, j += cols;
        if (j >= x.cols()) j -= x.cols(), ++r;
    }
    const auto below = static_cast<std::size_t>(p.sparsity * static_cast<double>(count));
    if (below == 0) return 0;
    const auto last = sample.begin() + static_cast<std::ptrdiff_t>(below) - 1;
    std::nth_element(sample.begin(), last, sample.begin() + static_cast<std::ptrdiff_t>(count));
    return *last;
}

/// @p to = @p from, which it may be, without the elements of magnitude at most @p tau, or with @p dither as
/// gradient_pruning says; @p sums, one a column, grows by the columns of all of @p from. The dither are the lower digits of
/// |g| / tau, which no order of work changes.
inline void prune_gradient(matrix_view<const float> from, float tau, bool dither, std::span<float> sums,
                           matrix_view<float> to) {
    constexpr float digits = 4099; // prime, so that they are not those of a value that many elements share
    const float_batch limit = broadcast(tau), inverse = broadcast(1 / tau), one = broadcast(1.0f);
    for (std::size_t r = 0; r < from.rows(); ++r) {
        const float* in = from.data() + r * from.stride();
        float* out = to.data() + r * to.stride();
        for_each_register(from.cols(), [&](std::size_t i, std::size_t n) {
            const float_batch g = load_some(in + i, n);
            store_some(sums.data() + i, load_some(sums.data() + i, n) + g, n);
            float_batch kept = zero_within(g, limit);
            if (dither && tau > 0) {
                const float_batch share = absolute(g) * inverse, scaled = share * broadcast(digits);
                const float_batch chance = scaled - round_to_integer(scaled) + broadcast(0.5f); // in [0, 1]
                const float_batch raised = one - one_where_zero(maximum(share - chance, broadcast(0.0f)));
                kept = kept + one_where_zero(kept) * raised * with_sign_of(limit, g);
            }
            store_some(out + i, kept, n);
        });
    }
}

/// @p g becomes 0 where @p x, of the same shape, is: what was pruned passes no gradient on.
inline void zero_where_zero(matrix_view<const float> x, matrix_view<float> g) {
    for (std::size_t r = 0; r < g.rows(); ++r)
        for_each_register(g.cols(),
                          [x = x.data() + r * x.stride(), g = g.data() + r * g.stride()](std::size_t i, std::size_t n) {
                              const float_batch kept = broadcast(1.0f) - one_where_zero(load_some(x + i, n));
                              store_some(g + i, load_some(g + i, n) * kept, n);
                          });
}

/// @p to = @p g where @p before and @p after differ, else 0: the gradient of what was added to a residual stream, which
/// changed it where it was not pruned.
inline void keep_where_changed(matrix_view<const float> before, matrix_view<const float> after, matrix_view<const float> g,
                               matrix_view<float> to) {
    for (std::size_t r = 0; r < g.rows(); ++r) {
        const float *a = before.data() + r * before.stride(), *b = after.data() + r * after.stride();
        const float* in = g.data() + r * g.stride();
        float* out = to.data() + r * to.stride();
        for_each_register(g.cols(), [&](std::size_t i, std::size_t n) {
            const float_batch kept = broadcast(1.0f) - one_where_zero(load_some(b + i, n) - load_some(a + i, n));
            store_some(out + i, load_some(in + i, n) * kept, n);
        });
    }
}

} // namespace LUTRA_ISA
} // namespace lutra
