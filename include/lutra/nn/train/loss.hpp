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
    matrix_view<const float> teacher{};   ///< its logits, images x classes; only where distillation > 0
    float distillation = 0;               ///< the share of the loss that compares with the teacher, not with the labels
    float temperature = 1;                ///< of both softmaxes in that comparison
    /// Those of @p count images from @p first on.
    [[nodiscard]] constexpr training_targets part(std::size_t first, std::size_t count) const {
        training_targets t = *this;
        t.labels = labels.subspan(first, count);
        if (!teacher.empty()) t.teacher = teacher.block(first, 0, count, teacher.cols());
        return t;
    }
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

/// Knowledge distillation (Hinton, Vinyals and Dean, 2015) of one row: temperature^2 times the Kullback-Leibler divergence
/// of softmax(logits / temperature) from softmax(teacher / temperature). @p gradient grows by weight times that one's.
/// Returns the loss, unweighted. Panics unless there are as many logits of one as of the other and the temperature is
/// positive.
inline float distillation_loss(std::span<const float> logits, std::span<const float> teacher, float temperature,
                               float weight, std::span<float> gradient) {
    require(teacher.size() == logits.size(), panic_code::bad_shape, "a teacher has another number of classes than its pupil",
            static_cast<long long>(teacher.size()), static_cast<long long>(logits.size()));
    require(temperature > 0, panic_code::bad_argument, "the temperature of a distillation must be positive");
    const auto log_sum = [temperature](std::span<const float> x) {
        const float top = *std::max_element(x.begin(), x.end());
        double sum = 0;
        for (const float v : x) sum += std::exp(static_cast<double>((v - top) / temperature));
        return std::log(sum) + static_cast<double>(top / temperature);
    };
    const double of_pupil = log_sum(logits), of_teacher = log_sum(teacher);
    double loss = 0;
    for (std::size_t j = 0; j < logits.size(); ++j) {
        const double p = static_cast<double>(logits[j] / temperature) - of_pupil;
        const double t = static_cast<double>(teacher[j] / temperature) - of_teacher;
        loss += std::exp(t) * (t - p);
        gradient[j] += weight * temperature * static_cast<float>(std::exp(p) - std::exp(t));
    }
    return temperature * temperature * static_cast<float>(loss);
}

/// The loss of @p logits (images x classes), and its gradient (of the same shape): cross entropy with the labels, of which
/// `distillation` is replaced by distillation_loss. Panics unless there is a label an image, and a teacher's row where there
/// is distillation.
LUTRA_INLINE loss_report loss_of(matrix_view<const float> logits, const training_targets& targets,
                                 matrix_view<float> gradient) {
    require(targets.labels.size() == logits.rows(), panic_code::bad_shape, "a training pass needs one label an image",
            static_cast<long long>(targets.labels.size()), static_cast<long long>(logits.rows()));
    require(targets.distillation == 0 || targets.teacher.rows() == logits.rows(), panic_code::bad_shape,
            "distillation needs a row of the teacher's logits for each image",
            static_cast<long long>(targets.teacher.rows()), static_cast<long long>(logits.rows()));
    loss_report report;
    for (std::size_t i = 0; i < logits.rows(); ++i) {
        const auto row = logits.row(i);
        const std::size_t label = targets.labels[i];
        report.correct += static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin()) == label;
        const float share = targets.distillation, own = 1 - share;
        report.loss +=
            static_cast<double>(own * cross_entropy(row, label, targets.smoothing, own * targets.weight, gradient.row(i)));
        if (share > 0)
            report.loss += static_cast<double>(share * distillation_loss(row, targets.teacher.row(i), targets.temperature,
                                                                         share * targets.weight, gradient.row(i)));
    }
    return report;
}

} // namespace LUTRA_ISA
} // namespace lutra
