// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/train/trainer.hpp>

#include <cmath>

namespace {

constexpr std::size_t rows = 3, classes = 5;
const std::vector<std::uint8_t> labels{4, 0, 2};

std::vector<double> softmax(const std::vector<double>& x, std::size_t row, double temperature) {
    std::vector<double> p(classes);
    double sum = 0;
    for (std::size_t j = 0; j < classes; ++j) sum += p[j] = std::exp(x[row * classes + j] / temperature);
    for (double& v : p) v /= sum;
    return p;
}
/// (1 - share) cross entropy + share temperature^2 KL(teacher || pupil), summed over the rows.
double reference_loss(const std::vector<double>& logits, const std::vector<double>& teacher, double smoothing, double share,
                      double temperature) {
    double loss = 0;
    for (std::size_t r = 0; r < rows; ++r) {
        const auto p = softmax(logits, r, 1), soft = softmax(logits, r, temperature), t = softmax(teacher, r, temperature);
        for (std::size_t j = 0; j < classes; ++j) {
            const double target = smoothing / classes + (j == labels[r] ? 1 - smoothing : 0);
            loss -= (1 - share) * target * std::log(p[j]);
            loss += share * temperature * temperature * t[j] * std::log(t[j] / soft[j]);
        }
    }
    return loss;
}

std::vector<float> gradient_of(const std::vector<float>& logits, lutra::training_targets targets, double& loss) {
    std::vector<float> g(logits.size());
    loss = lutra::loss_of({logits.data(), rows, classes}, targets, {g.data(), rows, classes}).loss;
    return g;
}

} // namespace

TEST_CASE("distillation: the loss and its gradient, by finite differences") {
    const auto logits = random_floats(rows * classes, 1), teacher = random_floats(rows * classes, 2);
    for (const float share : {0.0f, 0.3f, 1.0f})
        for (const float temperature : {1.0f, 3.0f}) {
            const lutra::training_targets targets{labels, 0.2f, 0.25f, {teacher.data(), rows, classes}, share, temperature};
            double loss = 0;
            const auto gradient = gradient_of(logits, targets, loss);
            std::vector<double> x(logits.begin(), logits.end());
            const std::vector<double> t(teacher.begin(), teacher.end());
            const auto at = [&] {
                return reference_loss(x, t, static_cast<double>(0.2f), static_cast<double>(share),
                                      static_cast<double>(temperature));
            };
            CHECK(loss == Approx(at()).epsilon(1e-5));
            for (std::size_t i = 0; i < x.size(); ++i) {
                constexpr double h = 1e-5;
                const double here = x[i];
                x[i] = here + h;
                const double up = at();
                x[i] = here - h;
                const double down = at();
                x[i] = here;
                CHECK(static_cast<double>(gradient[i]) == Approx(0.25 * (up - down) / (2 * h)).margin(1e-6));
            }
        }
}

TEST_CASE("distillation: refuses a teacher of other images, classes or temperature") {
    const auto logits = random_floats(rows * classes, 1);
    double loss = 0;
    lutra::training_targets targets{.labels = labels, .distillation = 0.5f};
    REQUIRE_PANIC(gradient_of(logits, targets, loss), bad_shape);
    targets.teacher = {logits.data(), rows, classes - 1};
    REQUIRE_PANIC(gradient_of(logits, targets, loss), bad_shape);
    targets.teacher = {logits.data(), rows, classes};
    targets.temperature = 0;
    REQUIRE_PANIC(gradient_of(logits, targets, loss), bad_argument);
}

TEST_CASE("distillation: the teacher sees the images that the pupil sees") {
    const lutra::vit_config c = tiny_config();
    const auto values = random_parameters(c, 3);
    const lutra::vit_parameters<const float> parameters{c, values};
    const lutra::arena_memory memory{lutra::float_vit<>::packed_bytes(c)};
    lutra::arena packed{memory.bytes()};
    const lutra::float_vit<> teacher{parameters, packed};
    const auto pixels = random_bytes(40 * c.image_size(), 5), classes_of = random_bytes(40, 6, 5);
    std::vector<std::uint32_t> which(40);
    for (std::size_t i = 0; i < which.size(); ++i) which[i] = static_cast<std::uint32_t>(i);
    lutra::serial_executor ex;
    const auto step = [&](float share, const lutra::float_vit<>* taught_by, std::uint64_t seed, std::vector<float>& after) {
        lutra::vit_trainer<> pupil{c, {.batch = 40, .seed = seed, .distillation = share}};
        pupil.teach_with(taught_by);
        pupil.state().parameters = values;
        const double loss = pupil.step(ex, pixels, classes_of, which, 10, 0).loss;
        after = pupil.state().parameters;
        return loss;
    };
    std::vector<float> taught, alone, half;
    CHECK(step(1, &teacher, 1, taught) < 1e-6); // it is its own teacher: nothing to learn, whatever the augmentation
    CHECK(step(1, &teacher, 2, taught) < 1e-6);
    const double loss = step(0, nullptr, 1, alone);
    CHECK(loss > 0.5);
    CHECK(step(0, &teacher, 1, taught) == loss);
    CHECK(taught == alone);
    CHECK(step(1, nullptr, 1, taught) == loss); // no teacher, no distillation
    CHECK(step(0.5f, &teacher, 1, half) == Approx(loss / 2).epsilon(1e-5));
    lutra::vit_config other = c;
    other.classes = 4;
    const auto few = random_parameters(other, 1);
    const lutra::arena_memory room{lutra::float_vit<>::packed_bytes(other)};
    lutra::arena there{room.bytes()};
    const lutra::float_vit<> wrong{lutra::vit_parameters<const float>{other, few}, there};
    lutra::vit_trainer<> pupil{c, {}};
    REQUIRE_PANIC(pupil.teach_with(&wrong), bad_shape);
}
