// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/nn/train/trainer.hpp>

#include <algorithm>

using trainer = lutra::vit_trainer<>;

namespace {

constexpr std::size_t image_count = 50;

struct task {
    lutra::vit_config config = tiny_config();
    lutra::training_options options{.epochs = 2, .batch = 40, .warmup_epochs = 0.5f, .seed = 9};
    std::vector<std::uint8_t> pixels = random_bytes(image_count * config.image_size(), 5);
    std::vector<std::uint8_t> labels = random_bytes(image_count, 6, 5);

    /// Steps first to last - 1 of the whole training.
    template <class Executor>
    std::vector<double> run(Executor& ex, trainer& t, std::uint64_t first, std::uint64_t last) const {
        std::vector<double> losses;
        const std::uint64_t per_epoch = t.steps_per_epoch(image_count);
        for (std::uint64_t step = first; step < last; ++step) {
            const auto order = t.order(image_count, step / per_epoch);
            const std::size_t start = step % per_epoch * options.batch;
            const auto which = std::span{order}.subspan(start, std::min<std::size_t>(options.batch, image_count - start));
            losses.push_back(t.step(ex, pixels, labels, which, options.epochs * per_epoch, step / per_epoch).loss);
        }
        return losses;
    }
};

bool same(const trainer::training_state& a, const trainer::training_state& b) {
    return a.parameters == b.parameters && a.first == b.first && a.second == b.second && a.step == b.step;
}

} // namespace

TEST_CASE("augment: exact pixels for all that the generator can say") {
    const lutra::vit_config c{.image_height = 2, .image_width = 3, .channels = 2, .patch = 1};
    const std::vector<std::uint8_t> image{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};
    for (const bool flip : {false, true}) {
        const lutra::training_options o{.max_shift = 1, .flip = flip};
        std::vector<int> seen(18);
        for (std::uint64_t seed = 0; seed < 300; ++seed) {
            lutra::random_generator random{seed}, copy{seed};
            std::vector<std::uint8_t> out(image.size(), 99);
            lutra::augment(c, o, random, image, out);
            const bool mirror = flip && copy() >> 63 == 1;
            const int dy = static_cast<int>(copy.between(-1, 1)), dx = static_cast<int>(copy.between(-1, 1));
            CHECK(random == copy);
            ++seen[static_cast<std::size_t>((mirror ? 9 : 0) + 3 * (dy + 1) + dx + 1)];
            for (int ch = 0; ch < 2; ++ch)
                for (int y = 0; y < 2; ++y)
                    for (int x = 0; x < 3; ++x) {
                        const int from_y = y + dy, from_x = (mirror ? 2 - x : x) + dx;
                        const bool inside = from_y >= 0 && from_y < 2 && from_x >= 0 && from_x < 3;
                        REQUIRE(out[static_cast<std::size_t>(6 * ch + 3 * y + x)] ==
                                (inside ? 10 * ch + 3 * from_y + from_x + 1 : 0));
                    }
        }
        CHECK(std::count(seen.begin(), seen.end(), 0) == (flip ? 0 : 9));
    }
}

TEST_CASE("trainer: initialisation") {
    const lutra::vit_config c = tiny_config(true);
    trainer t{c, {.seed = 3}};
    const auto p = t.parameters();
    p.for_each([&](std::string_view name, std::span<float> values, lutra::parameter_shape shape) {
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        INFO(name.data() << " from " << *least << " to " << *most);
        if (lutra::is_weight_matrix(shape)) {
            const std::size_t outputs = *shape.begin(), inputs = values.size() / outputs;
            const double reach = std::sqrt(6.0 / static_cast<double>(inputs + outputs));
            CHECK((*most<reach&& * most> 0.9 * reach && *least > -reach && *least < -0.9 * reach));
        } else if (name == "pos_embed") {
            CHECK((*most > 0.02f && *most < 0.1f && *least < -0.02f && *least > -0.1f));
        } else {
            const float expected = name.ends_with("weight") ? 1.0f : 0.0f;
            CHECK((*least == expected && *most == expected));
        }
    });
    CHECK(trainer{c, {.seed = 3}}.state().parameters == t.state().parameters);
    CHECK(trainer{c, {.seed = 4}}.state().parameters != t.state().parameters);
}

TEST_CASE("trainer: the seed decides, not the workers; a checkpoint goes on bit for bit") {
    const task k;
    lutra::serial_executor serial;
    trainer whole{k.config, k.options};
    const auto losses = k.run(serial, whole, 0, 4);
    CHECK(whole.state().step == 4);

    lutra::thread_executor two{2};
    trainer threaded{k.config, k.options};
    CHECK(k.run(two, threaded, 0, 4) == losses);
    CHECK(same(threaded.state(), whole.state()));

    trainer before{k.config, k.options}, after{k.config, k.options};
    k.run(serial, before, 0, 3);
    after.state() = before.state();
    k.run(two, after, 3, 4);
    CHECK(same(after.state(), whole.state()));

    task other;
    other.options.seed = 10;
    trainer t{other.config, other.options};
    t.state().parameters = trainer{k.config, k.options}.state().parameters; // order and augmentation alone
    other.run(serial, t, 0, 4);
    CHECK_FALSE(same(t.state(), whole.state()));
}

TEST_CASE("trainer: order is a permutation that changes with the epoch") {
    const trainer t{tiny_config(), {.batch = 8}};
    auto first = t.order(100, 0), second = t.order(100, 1);
    CHECK(first != second);
    std::sort(first.begin(), first.end());
    for (std::uint32_t i = 0; i < 100; ++i) CHECK(first[i] == i);
    CHECK(t.steps_per_epoch(16) == 2);
    CHECK(t.steps_per_epoch(17) == 3);
}

TEST_CASE("trainer: learns which half is bright") {
    task k;
    for (std::size_t i = 0; i < image_count; ++i) {
        k.labels[i] = static_cast<std::uint8_t>(i % 2);
        for (std::size_t j = 0; j < k.config.image_size(); ++j) {
            const bool top = j % (k.config.image_size() / 2) < k.config.image_size() / 4;
            k.pixels[i * k.config.image_size() + j] = static_cast<std::uint8_t>(top == (i % 2 == 0) ? 200 : 50);
        }
    }
    k.options = {.epochs = 20, .batch = 25, .peak_rate = 1e-2f, .warmup_epochs = 1, .label_smoothing = 0, .max_shift = 1};
    lutra::serial_executor serial;
    trainer t{k.config, k.options};
    const auto losses = k.run(serial, t, 0, 40);
    CHECK(losses.front() > 1.0);
    CHECK(losses.back() < 0.25);
}

TEST_CASE("trainer: reports and refuses") {
    const task k;
    lutra::serial_executor ex;
    trainer t{k.config, k.options};
    const std::vector<std::uint32_t> which{1, 4, 7};
    const auto report = t.step(ex, k.pixels, k.labels, which, 100, 0);
    CHECK(report.loss > 0);
    CHECK(report.correct <= 3);
    CHECK(report.gradient_norm > 0);
    CHECK(report.rate == lutra::cosine_schedule(0, 100, 25, k.options.peak_rate, k.options.last_rate));

    const auto step = [&](std::span<const std::uint8_t> pixels, std::vector<std::uint32_t> indices) {
        return t.step(ex, pixels, k.labels, indices, 100, 0);
    };
    REQUIRE_PANIC(step(k.pixels, {}), bad_argument);
    REQUIRE_PANIC(step(k.pixels, std::vector<std::uint32_t>(41)), bad_argument);
    REQUIRE_PANIC(step(k.pixels, {image_count}), out_of_range);
    REQUIRE_PANIC(step(std::span{k.pixels}.subspan(1), {0}), bad_shape);
    REQUIRE_PANIC((trainer{k.config, {.batch = 0}}), bad_argument);
    lutra::vit_config wrong = k.config;
    wrong.heads = 5;
    REQUIRE_PANIC((trainer{wrong, k.options}), bad_argument);
    REQUIRE_PANIC(t.gradient({}, {}), bad_shape);
}

TEST_CASE("float_pass: memory is chosen, the gradient is not") {
    lutra::vit_config c = tiny_config();
    c.depth = 4;
    const auto images = random_floats(5 * c.image_size(), 4);
    const std::vector<std::uint8_t> labels{4, 0, 2, 1, 3};
    const auto gradient = [&](const lutra::float_pass_options& o) {
        return trainer{c, {.batch = 16, .seed = 2}, lutra::float_pass<>{o}}.gradient(images, labels);
    };
    const auto bytes = [&](const lutra::float_pass_options& o) { return lutra::float_pass<>{o}.scratch_bytes(c, 16); };
    for (const std::size_t together : {1u, 2u, 3u, 16u}) {
        const auto kept = gradient({.together = together});
        CHECK(gradient({.together = together, .recompute = true}) == kept);
        const auto other = gradient({.together = 2});
        for (std::size_t i = 0; i < kept.size(); ++i) REQUIRE(kept[i] == Approx(other[i]).epsilon(1e-4).margin(1e-6));
    }
    CHECK(bytes({.together = 16, .recompute = true}) < bytes({.together = 16}));
    CHECK(bytes({.together = 2}) < bytes({.together = 16}));
    REQUIRE_PANIC(lutra::float_pass<>({.together = 0}), bad_argument);
}
