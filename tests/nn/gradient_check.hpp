// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "nn/reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"

#include <lutra/nn/train/trainer.hpp>

#include <algorithm>
#include <array>
#include <string>

/// The gradients of a training pass against finite differences.
namespace gradient_check {

inline constexpr std::size_t images_in_batch = 3;
inline constexpr std::array<std::uint8_t, images_in_batch> labels{4, 0, 2};

inline double loss_of(const lutra::vit_config& c, std::span<const double> values, std::span<const float> images,
                      double smoothing, std::span<const lutra::layer_choice> choices) {
    double sum = 0;
    for (std::size_t i = 0; i < images_in_batch; ++i)
        sum += reference::loss(reference::logits(lutra::vit_parameters<const double>{c, values},
                                                 images.subspan(i * c.image_size(), c.image_size()), choices),
                               labels[i], smoothing);
    return sum / static_cast<double>(images_in_batch);
}

/// Central differences of the reference in double against the gradients in float; of large tensors, every seventh element.
template <class Pass = lutra::float_pass<>>
void check(const lutra::vit_config& c, std::span<const lutra::layer_choice> choices = {}, const Pass& pass = Pass{}) {
    lutra::vit_trainer<Pass> trainer{c, {.batch = 16, .label_smoothing = 0.2f}, pass};
    trainer.state().parameters = random_parameters(c, 3);
    std::vector<double> values(trainer.state().parameters.begin(), trainer.state().parameters.end());
    const auto images = random_floats(images_in_batch * c.image_size(), 4);
    const double smoothing = static_cast<double>(0.2f);

    double loss = 0;
    auto gradient = trainer.gradient(images, labels, &loss);
    CHECK(loss == Approx(loss_of(c, values, images, smoothing, choices)).epsilon(1e-5));
    CHECK(trainer.gradient(images, labels) == gradient);

    lutra::vit_parameters<float>{c, gradient}.for_each(
        [&](std::string_view name, std::span<float> tensor, lutra::parameter_shape) {
            const auto first = static_cast<std::size_t>(tensor.data() - gradient.data());
            double most = 0, worst = 0;
            for (std::size_t i = 0; i<tensor.size(); i += tensor.size()> 60 ? 7 : 1) {
                constexpr double h = 1e-5;
                double& v = values[first + i];
                const double here = v;
                v = here + h;
                const double up = loss_of(c, values, images, smoothing, choices);
                v = here - h;
                const double down = loss_of(c, values, images, smoothing, choices);
                v = here;
                const double expected = (up - down) / (2 * h);
                most = std::max(most, std::abs(expected));
                worst = std::max(worst, std::abs(expected - static_cast<double>(tensor[i])));
            }
            INFO(std::string{name} << ": largest gradient " << most << ", largest error " << worst);
            CHECK(most > 1e-4);
            CHECK(worst < 2e-5 * most + 1e-6);
        });
}

} // namespace gradient_check
