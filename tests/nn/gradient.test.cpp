// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"

#include <lutra/nn/train/trainer.hpp>

#include <algorithm>
#include <string>

namespace {

constexpr std::size_t images_in_batch = 3;
constexpr std::array<std::uint8_t, images_in_batch> labels{4, 0, 2};

double loss_of(const lutra::vit_config& c, std::span<const double> values, std::span<const float> images, double smoothing) {
    double sum = 0;
    for (std::size_t i = 0; i < images_in_batch; ++i)
        sum += reference::loss(reference::logits(lutra::vit_parameters<const double>{c, values},
                                                 images.subspan(i * c.image_size(), c.image_size())),
                               labels[i], smoothing);
    return sum / static_cast<double>(images_in_batch);
}

/// Central differences of the reference in double against the gradients in float; of large tensors, every seventh element.
void check_gradient(const lutra::vit_config& c) {
    lutra::vit_trainer<> trainer{c, {.batch = 16, .label_smoothing = 0.2f}};
    trainer.state().parameters = random_parameters(c, 3);
    std::vector<double> values(trainer.state().parameters.begin(), trainer.state().parameters.end());
    const auto images = random_floats(images_in_batch * c.image_size(), 4);
    const double smoothing = static_cast<double>(0.2f);

    double loss = 0;
    auto gradient = trainer.gradient(images, labels, &loss);
    CHECK(loss == Approx(loss_of(c, values, images, smoothing)).epsilon(1e-5));
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
                const double up = loss_of(c, values, images, smoothing);
                v = here - h;
                const double down = loss_of(c, values, images, smoothing);
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

} // namespace

TEST_CASE("gradient: every tensor's equals finite differences") { check_gradient(tiny_config()); }

TEST_CASE("gradient: of a distilled network too") {
    lutra::vit_config c = tiny_config(true);
    c.depth = 1;
    check_gradient(c);
}

TEST_CASE("gradient: of linear attention") {
    lutra::vit_config c = tiny_config();
    c.attention = lutra::attention_kind::relu_linear;
    check_gradient(c);
}

TEST_CASE("gradient: of a network of relu") {
    lutra::vit_config c = tiny_config();
    c.activation = lutra::activation_kind::relu;
    check_gradient(c);
}

TEST_CASE("gradient: the slope of relu") {
    std::vector<float> x{-2, -1e-30f, 0, 1e-30f, 3}, y(5);
    lutra::apply_with_slope<lutra::relu>(x, y);
    CHECK(y == std::vector<float>{0, 0, 0, 1e-30f, 3});
    CHECK(x == std::vector<float>{0, 0, 0, 1, 1});
}
