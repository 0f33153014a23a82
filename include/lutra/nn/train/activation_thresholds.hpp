// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: calibrate there and ship the thresholds to firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/core/arena_memory.hpp>
#include <lutra/nn/activation_counter.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/observer.hpp>
#include <lutra/numeric/activation_histogram.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {

/// The observer that keeps a histogram of each block and point, in the order of activation_counter, of a float network.
struct point_histograms {
    std::vector<activation_histogram> seen;

    explicit point_histograms(const vit_config& c) : seen(activation_point_count * c.depth) {}
    void activation(std::size_t layer, activation_point p, matrix_view<const float> x) {
        activation_histogram& h = seen[layer * activation_point_count + static_cast<std::size_t>(p)];
        if (x.stride() == x.cols()) return h.add({x.data(), x.rows() * x.cols()}); // blocks, where rows would be short ones
        for (std::size_t r = 0; r < x.rows(); ++r) h.add(x.row(r));
    }
    void activation(std::size_t, activation_point, matrix_view<const std::int8_t>) const {
        panic(panic_code::unsupported, "activations are calibrated in float");
    }
    void skipped(std::size_t, activation_point, const skip_count&) const noexcept {}
};
static_assert(activation_observer<point_histograms>);

namespace detail {

/// How much of its tensor's norm the threshold of @p p may be, in units of that of the others. Errors of queries and keys
/// are spread over the scores' sums; what a row of probabilities loses is no longer there to sum to 1. Chosen among 0.5,
/// 0.7, 1, 1.4 and 2 by the accuracy on training images of Fashion-MNIST.
constexpr double threshold_weight(activation_point p) noexcept {
    if (p == activation_point::query || p == activation_point::key) return 2;
    return p == activation_point::probabilities ? 0.7 : 1;
}

/// The thresholds by which a share of all that is pruned becomes zero, for the least sum of relative square errors of the
/// tensors: one element more costs tau^2 / |tensor|^2 of its tensor, which is the same for all of them where every threshold
/// is the same share of its tensor's norm.
class thresholds_by_norm {
public:
    /// @p seen: in the order of activation_counter.
    explicit thresholds_by_norm(std::span<const activation_histogram> seen) : seen_{seen} {
        for (std::size_t i = 0; i < seen.size(); ++i) {
            const auto point = static_cast<activation_point>(i % activation_point_count);
            double squares = 0;
            for (std::size_t b = 0; b < activation_histogram::bin_count; ++b) {
                const double x = (static_cast<double>(b) + 0.5) * seen[i].width();
                squares += static_cast<double>(seen[i].counts()[b]) * x * x;
            }
            norms_.push_back(is_pruned_at(point) ? threshold_weight(point) * std::sqrt(squares) : 0);
            if (norms_.back() == 0) continue;
            elements_ += static_cast<double>(seen[i].size());
            all_ = std::max(all_, 1.001 * static_cast<double>(seen[i].max()) / norms_.back());
        }
    }
    /// Of @p share, in [0, 1]. Where the share is zero without thresholds these are 0.
    [[nodiscard]] std::vector<float> operator()(double share) const {
        double low = 0, high = all_; // of the norms
        for (int i = 0; i < 60; ++i) {
            const double middle = (low + high) / 2;
            (zeros(middle) < share * elements_ ? low : high) = middle;
        }
        const double scale = zeros(0) >= share * elements_ ? 0 : high;
        std::vector<float> taus;
        for (const double n : norms_) taus.push_back(static_cast<float>(scale * n));
        return taus;
    }

private:
    [[nodiscard]] double zeros(double scale) const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < norms_.size(); ++i) {
            if (norms_[i] == 0) continue;
            const double bins = std::min(scale * norms_[i] / seen_[i].width(), double{activation_histogram::bin_count});
            std::uint64_t below = 0;
            for (std::size_t b = 0; b < static_cast<std::size_t>(bins); ++b) below += seen_[i].counts()[b];
            sum += std::max(below, seen_[i].zeros());
        }
        return static_cast<double>(sum);
    }

    std::span<const activation_histogram> seen_;
    std::vector<double> norms_; ///< times their weights; 0 where nothing is pruned
    double elements_ = 0, all_ = 0;
};

/// Shows whole 8-bit images to @p observer, in a float network under @p taus of all points.
template <activation_observer Observer>
void watch_pruned(const vit_parameters<const float>& parameters, std::span<const std::uint8_t> pixels,
                  std::span<const float> taus, Observer& observer) {
    constexpr std::size_t batch = 8;
    const vit_config& c = parameters.config();
    const std::size_t size = c.image_size(), count = pixels.size() / size;
    std::vector<layer_choice> choices(c.depth, {.pruning = {.kind = activation_pruning_kind::threshold}});
    for (std::size_t i = 0; i < c.depth; ++i)
        choices[i].taus = taus.subspan(i * activation_point_count, activation_point_count);
    const arena_memory packed{float_vit<>::packed_bytes(c)}, memory{float_vit<>::scratch_bytes(c, batch)};
    arena weights{packed.bytes()};
    const float_vit<> network{parameters, weights, choices};
    std::vector<float> images(batch * size), logits(batch * c.classes);
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t n = std::min(batch, count - first);
        arena scratch{memory.bytes()};
        normalize(c, pixels.subspan(first * size, n * size), std::span{images}.first(n * size));
        network.forward({images.data(), n, size}, {logits.data(), n, c.classes}, scratch, observer);
    }
}

} // namespace detail

inline namespace LUTRA_ISA {

/// For each block and activation_point a threshold, so that of all that DynaTran prunes (Tuli and Jha, AccelTran, 2023) a
/// share @p sparsity is zero in the float network on @p pixels, to 0.005 where thresholds can reach it, and the tensors'
/// relative errors are least: layer_choice::taus of block i are the activation_point_count from i * activation_point_count
/// on. One threshold for all points is too much for probabilities, which are small, before it is enough for the others.
/// @p pixels: whole 8-bit images of training, channel-major. Panics where @p sparsity is not in [0, 1] and where there is no
/// image, or not a whole number of them.
///
/// @code
/// const std::vector<float> taus = lutra::activation_thresholds(parameters, pixels, 0.5);
/// choices[i].pruning = {.kind = lutra::activation_pruning_kind::threshold};
/// choices[i].taus = std::span{taus}.subspan(i * lutra::activation_point_count, lutra::activation_point_count);
/// @endcode
[[nodiscard]] LUTRA_INLINE std::vector<float> activation_thresholds(const vit_parameters<const float>& parameters,
                                                                    std::span<const std::uint8_t> pixels, double sparsity) {
    const vit_config& c = parameters.config();
    require(sparsity >= 0 && sparsity <= 1, panic_code::bad_argument, "a share of zeros to reach must be in [0, 1]");
    require(!pixels.empty(), panic_code::empty, "calibration needs at least one whole image");
    require(pixels.size() % c.image_size() == 0, panic_code::bad_shape,
            "the pixels are not whole images of the network's size", static_cast<long long>(pixels.size()),
            static_cast<long long>(c.image_size()));
    std::vector<float> taus(activation_point_count * c.depth); // with 0 nothing changes but that all outputs are told of
    point_histograms histograms{c};
    detail::watch_pruned(parameters, pixels, taus, histograms);
    const detail::thresholds_by_norm thresholds{histograms.seen};
    double share = sparsity, last_share = 0, last_zeros = 0;
    for (int round = 0; round < 8; ++round) { // what is pruned makes zeros, or fewer, behind it
        taus = thresholds(share);
        std::vector<activation_counts> counts(activation_counter::size(c));
        activation_counter counter{c, counts};
        detail::watch_pruned(parameters, pixels, taus, counter);
        const double zeros = counter.total_pruned().sparsity();
        if (std::abs(sparsity - zeros) < 0.002) break;
        const double slope = round == 0 ? 1 : std::clamp((zeros - last_zeros) / (share - last_share), 0.25, 4.0);
        last_share = share;
        last_zeros = zeros;
        share = std::clamp(share + (sparsity - zeros) / slope, 0.0, 1.0);
        if (share == last_share) break;
    }
    return taus;
}

} // namespace LUTRA_ISA
} // namespace lutra
