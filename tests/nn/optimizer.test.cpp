// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/train/loss.hpp>
#include <lutra/nn/train/optimizer.hpp>

#include <array>
#include <vector>

TEST_CASE("adamw_step: two steps by hand") {
    const lutra::adamw_options o{.beta1 = 0.5f, .beta2 = 0.75f, .epsilon = 0.5f, .weight_decay = 0.25f};
    // With gradient g: m = g / 2, v = g^2 / 4; corrected both are g and g^2: the step is rate * g / (|g| + 1/2).
    for (const bool decays : {true, false}) {
        constexpr std::size_t count = 37; // whole registers and a tail
        std::vector<float> p(count, 2.0f), g(count, 1.5f), m(count), v(count);
        lutra::adamw_step(p, g, m, v, 1, 0.5f, 1.0f, decays, o);
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(m[i] == 0.75f);
            CHECK(v[i] == 0.5625f);
            CHECK(p[i] == Approx((decays ? 2.0 * (1 - 0.5 * 0.25) : 2.0) - 0.5 * 1.5 / 2));
        }
        // Then g = -2 x 1/4 by clipping: m = 0.75 / 2 - 0.25, v = 0.5625 x 0.75 + 0.0625, corrected by 4/3 and 16/7.
        const std::vector<float> before = p;
        std::fill(g.begin(), g.end(), -2.0f);
        lutra::adamw_step(p, g, m, v, 2, 0.5f, 0.25f, decays, o);
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(m[i] == Approx(0.125));
            CHECK(v[i] == Approx(0.484375));
            const double step = 0.5 * (0.125 * 4 / 3) / (std::sqrt(0.484375 * 16 / 7) + 0.5);
            CHECK(p[i] == Approx(static_cast<double>(before[i]) * (decays ? 0.875 : 1.0) - step));
        }
    }
}

TEST_CASE("cosine_schedule: up, down and flat") {
    const auto rate = [](std::uint64_t step) { return lutra::cosine_schedule(step, 12, 4, 1.0f, 0.2f); };
    CHECK(rate(0) == 0.25f);
    CHECK(rate(3) == 1.0f);
    CHECK(rate(4) == 1.0f);
    CHECK(rate(6) == Approx(0.2 + 0.8 * 0.5 * (1 + std::sqrt(0.5))));
    CHECK(rate(8) == Approx(0.6));
    CHECK(rate(12) == 0.2f);
    CHECK(rate(1000) == 0.2f);
    CHECK(lutra::cosine_schedule(0, 0, 0, 1.0f, 0.2f) == 0.2f);
    CHECK(lutra::cosine_schedule(0, 10, 0, 1.0f, 0.2f) == 1.0f);
}

TEST_CASE("sum_of_squares: of long and short spans") {
    CHECK(lutra::sum_of_squares({}) == 0);
    for (const std::size_t count : {1u, 17u, 4096u, 9001u})
        CHECK(lutra::sum_of_squares(std::vector<float>(count, -3.0f)) == 9.0 * static_cast<double>(count));
}

TEST_CASE("cross_entropy: by hand") {
    // softmax of log(1), log(2), log(5) is 1/8, 2/8, 5/8.
    const std::array<float, 3> logits{0, std::log(2.0f), std::log(5.0f)};
    std::array<float, 3> gradient{};
    CHECK(lutra::cross_entropy(logits, 1, 0, 2, gradient) == Approx(std::log(4.0)));
    CHECK(gradient[0] == Approx(2 * 0.125));
    CHECK(gradient[1] == Approx(2 * (0.25 - 1)));
    CHECK(gradient[2] == Approx(2 * 0.625));
    CHECK(lutra::cross_entropy(logits, 1, 0.3f, 1, gradient) ==
          Approx(0.1 * std::log(8.0) + 0.8 * std::log(4.0) + 0.1 * std::log(1.6)));
    CHECK(gradient[1] == Approx(0.25 - 0.8));
    const std::array<float, 2> far{1000, -1000};
    std::array<float, 2> steep{};
    CHECK(lutra::cross_entropy(far, 1, 0, 1, steep) == Approx(2000));
    CHECK(steep[0] == 1.0f);
    REQUIRE_PANIC(lutra::cross_entropy(logits, 3, 0, 1, gradient), out_of_range);
}
