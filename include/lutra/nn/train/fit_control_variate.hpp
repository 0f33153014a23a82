// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: fit corrections there and ship them to firmware."
#endif

#include <lutra/core/arena_memory.hpp>
#include <lutra/nn/control_variate.hpp>
#include <lutra/nn/sparse_int8_weights.hpp>
#include <lutra/nn/train/quantized_pass.hpp>
#include <lutra/nn/train/weight_masks.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {

/// Which terms a fitted correction has.
struct control_variate_terms {
    bool gain = true;  ///< of the sum itself
    bool slope = true; ///< of the sum of the activations
};

namespace detail {

/// Fits the correction of one layer by least squares, column by column, over all rows that it was shown: the error of a sum
/// as an affine function of the sum and of the row's sum.
class correction_fit {
public:
    explicit correction_fit(std::size_t columns) : columns_(columns) {}

    /// A row: its exact sums, its approximate ones, and the sum of its activations.
    void add(std::span<const std::int32_t> exact, std::span<const std::int32_t> sums, std::int32_t row_sum) {
        const double a = row_sum;
        ++rows_;
        a_ += a;
        aa_ += a * a;
        for (std::size_t j = 0; j < columns_.size(); ++j) {
            const double s = sums[j], y = static_cast<double>(exact[j]) - s;
            column& c = columns_[j];
            c.s += s;
            c.ss += s * s;
            c.sa += s * a;
            c.y += y;
            c.ys += y * s;
            c.ya += y * a;
        }
    }
    /// Panics where no row was added.
    void solve(const control_variates<std::int32_t>::columns& out, control_variate_terms terms) const {
        require(rows_ > 0, panic_code::empty, "a control variate is fitted to at least one row");
        const double n = static_cast<double>(rows_), a = a_ / n, aa = std::max(0.0, aa_ / n - a * a);
        for (std::size_t j = 0; j < columns_.size(); ++j) {
            const column& c = columns_[j];
            const double s = c.s / n, y = c.y / n, ss = std::max(0.0, c.ss / n - s * s), sa = c.sa / n - s * a;
            const double ys = c.ys / n - y * s, ya = c.ya / n - y * a, determinant = ss * aa - sa * sa;
            double gain = 0, slope = 0;
            if (terms.gain && terms.slope && determinant > 1e-6 * ss * aa) {
                gain = (ys * aa - ya * sa) / determinant;
                slope = (ya * ss - ys * sa) / determinant;
            } else if (terms.gain && ss > 0) {
                gain = ys / ss;
            } else if (terms.slope && aa > 0) {
                slope = ya / aa;
            }
            out.gain[j] = rounded(gain * 65536);
            out.slope[j] = rounded(slope * 65536);
            out.constant[j] = rounded(y - gain * s - slope * a);
        }
    }

private:
    static std::int32_t rounded(double x) { return static_cast<std::int32_t>(std::lrint(std::clamp(x, -0x1p30, 0x1p30))); }
    struct column {
        double s = 0, ss = 0, sa = 0, y = 0, ys = 0, ya = 0;
    };
    std::vector<column> columns_;
    std::size_t rows_ = 0;
    double a_ = 0, aa_ = 0;
};

} // namespace detail

inline namespace LUTRA_ISA {

/// Fits control_variates of a network under @p choices to the errors that its multipliers make on some 8-bit images (whole,
/// channel-major), as int8_vit takes them. Each layer sees the inputs that the exact int8 network gives it. Without
/// training; where multipliers are exact all is 0. Products of weights that the choices drop are not made in either. Panics
/// where there is no image, or not a whole number of them, and as int8_vit does.
template <vit_policy Policy = vit_defaults>
[[nodiscard]] std::vector<std::int32_t>
fit_control_variates(const vit_parameters<const float>& p, std::span<const float> scales,
                     std::span<const layer_choice> choices, std::span<const std::uint8_t> pixels,
                     control_variate_terms terms = {}, weight_granularity granularity = weight_granularity::per_channel) {
    const vit_config& c = p.config();
    const std::size_t size = c.image_size(), count = pixels.size() / size;
    require(count > 0, panic_code::empty, "control variates are fitted to at least one whole image");
    require(pixels.size() % size == 0, panic_code::bad_shape, "the pixels are not whole images of the network's size",
            static_cast<long long>(pixels.size()), static_cast<long long>(size));
    require(choices.size() == c.depth, panic_code::bad_shape, "control variates take one layer_choice a block",
            static_cast<long long>(choices.size()), c.depth);
    for (const layer_choice& choice : choices)
        require(!choice.ranks.active(), panic_code::unsupported,
                "control variates are fitted to the sums of one product a layer: choose no ranks");
    constexpr std::size_t batch = 16;
    std::vector<layer_choice> exact(c.depth);
    for (std::size_t i = 0; i < c.depth; ++i) {
        exact[i].weights = choices[i].weights;
        exact[i].tokens = choices[i].tokens;
    }
    const std::vector<std::uint8_t> masks = weight_masks(p, choices);
    const quantized_pass<Policy> pass{scales, exact, {}, {}, granularity};
    const arena_memory memory{pass.scratch_bytes(c, batch)};

    std::vector<std::int32_t> flat(control_variates<std::int32_t>::count(c));
    const control_variates<std::int32_t> corrections{c, flat};
    struct layer {
        control_variates<std::int32_t>::columns out;
        detail::correction_fit fit;
        lowered_multiplier multiplier;
    };
    std::vector<layer> layers;
    const auto place = [&](const control_variates<std::int32_t>::columns& out, const lowered_multiplier& m) {
        layers.push_back({out, detail::correction_fit{out.constant.size()}, m});
    };
    place(corrections.patch_embed(), choices.front().linear);
    for (std::size_t i = 0; i < c.depth; ++i)
        for (const block_layer l : {block_layer::qkv, block_layer::proj, block_layer::fc1, block_layer::fc2})
            place(corrections.block(i, l), choices[i].of(l));
    for (std::size_t which = 0; which < c.prefix_tokens(); ++which) place(corrections.head(which), choices.back().linear);

    std::vector<float> images(batch * size);
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t n = std::min(batch, count - first);
        const std::span<float> some{images.data(), n * size};
        normalize(c, pixels.subspan(first * size, n * size), some);
        arena scratch{memory.bytes()};
        const auto a = pass.forward(p, {some.data(), n, size}, scratch);
        std::size_t next = 0;
        // A layer of which the choice drops weights comes with it and its float weights.
        const auto show = [&](const int8_linear& l, matrix_view<const std::int8_t> x, const weight_pruning& pruning = {},
                              const float* weight = nullptr) {
            layer& to = layers[next++];
            const std::size_t rows = x.rows(), outputs = l.weight.rows(), inputs = l.weight.cols();
            std::vector<std::int32_t> sums(2 * rows * outputs), row_sums(rows);
            const matrix_view<std::int32_t> right{sums.data(), rows, outputs}, wrong{&sums[rows * outputs], rows, outputs};
            const arena_memory work{std::max({sparse_int8_weights::scratch_bytes(rows, inputs),
                                              unpacked_scratch_bytes(to.multiplier, rows, inputs, outputs),
                                              unpacked_scratch_bytes({}, rows, inputs, outputs)})};
            arena here{work.bytes()};
            gemm(x, transposed(l.weight), lowered_multiplier{}, here, store_sums{right});
            if (l.sparse != nullptr) {
                const matrix_view<const std::uint8_t> mask{masks.data() + (weight - p.flat().data()), outputs, inputs};
                const arena_memory packed{sparse_int8_weights::bytes(pruning, to.multiplier, outputs, inputs)};
                sparse_int8_weights::pack(l.weight, mask, pruning, to.multiplier, packed.bytes())
                    .multiply(x, here, store_sums{wrong});
            } else {
                gemm(x, transposed(l.weight), to.multiplier, here, store_sums{wrong});
            }
            add_up_rows(x, row_sums);
            for (std::size_t r = 0; r < rows; ++r) to.fit.add(right.row(r), wrong.row(r), row_sums[r]);
        };
        show(a.layers.patch_embed, a.patches8);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const int8_block& l = a.layers.blocks[i];
            const auto from = p.block(i);
            const weight_pruning& pruning = choices[i].weights;
            show(l.qkv, a.blocks[i].before.normed1, pruning, from.qkv.weight.data());
            show(l.proj, a.blocks[i].before.context, pruning, from.proj.weight.data());
            show(l.fc1, a.blocks[i].after.normed2, pruning, from.fc1.weight.data());
            show(l.fc2, a.blocks[i].after.hidden, pruning, from.fc2.weight.data());
        }
        for (std::size_t which = 0; which < c.prefix_tokens(); ++which)
            show(which == 0 ? a.layers.head : a.layers.head_dist,
                 quantized_pass<Policy>::activations::rows_of_head(c, a.head_normed, which));
    }
    for (const layer& l : layers) l.fit.solve(l.out, terms);
    return flat;
}

} // namespace LUTRA_ISA
} // namespace lutra
