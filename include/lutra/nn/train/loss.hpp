// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// What a network should answer to some images.
struct training_targets {
    std::span<const std::uint8_t> labels; ///< one an image
    float smoothing = 0;                  ///< the share of the target that is spread over all classes
    float weight = 1;                     ///< of an image in the gradient, such as 1 / batch
};

/// What some images cost, before the step.
struct loss_report {
    double loss = 0;         ///< the sum over the images, unweighted
    std::size_t correct = 0; ///< images whose greatest logit is that of the label
};

inline namespace LUTRA_ISA {

/// Cross entropy with label smoothing (Szegedy et al., 2016) of one row of logits; @p gradient receives
/// weight * (softmax - target). Returns the loss, unweighted. Panics unless @p label is below the number of logits.
inline float cross_entropy(std::span<const float> logits, std::size_t label, float smoothing, float weight,
                           std::span<float> gradient) {
    require(label < logits.size(), panic_code::out_of_range, "a label past the classes of the network",
            static_cast<long long>(label), static_cast<long long>(logits.size()));
    const auto classes = static_cast<float>(logits.size());
    const float top = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float x : logits) sum += std::exp(static_cast<double>(x - top));
    const auto log_sum = static_cast<float>(std::log(sum)) + top;
    float loss = 0;
    for (std::size_t j = 0; j < logits.size(); ++j) {
        const float target = smoothing / classes + (j == label ? 1.0f - smoothing : 0.0f);
        loss += target * (log_sum - logits[j]);
        gradient[j] = weight * (std::exp(logits[j] - log_sum) - target);
    }
    return loss;
}

/// The loss of @p logits (images x classes), and its gradient (of the same shape). Panics unless there is a label an image.
inline loss_report loss_of(matrix_view<const float> logits, const training_targets& targets, matrix_view<float> gradient) {
    require(targets.labels.size() == logits.rows(), panic_code::bad_shape, "a training pass needs one label an image",
            static_cast<long long>(targets.labels.size()), static_cast<long long>(logits.rows()));
    loss_report report;
    for (std::size_t i = 0; i < logits.rows(); ++i) {
        const auto row = logits.row(i);
        const std::size_t label = targets.labels[i];
        report.correct += static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin()) == label;
        report.loss += static_cast<double>(cross_entropy(row, label, targets.smoothing, targets.weight, gradient.row(i)));
    }
    return report;
}

} // namespace LUTRA_ISA
} // namespace lutra
