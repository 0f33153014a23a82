// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"

#include <lutra/prune/tau_curve.hpp>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace {

// BERT-Base on SST-2 (Tuli and Jha, 2023): accuracy rises before it falls.
constexpr std::array<lutra::tau_point, 5> published{
    {{0, 0, 0.9300}, {0.02f, 0.318, 0.9346}, {0.04f, 0.335, 0.9381}, {0.06f, 0.352, 0.9335}, {0.095f, 0.377, 0.9117}}};
static_assert(*lutra::tau_curve::make(published)->for_sparsity(0.335) == 0.04f);

std::string message_of(std::vector<lutra::tau_point> points) {
    const auto curve = lutra::tau_curve::make(points);
    return curve ? "" : std::string{curve.error().message.view()};
}

} // namespace

TEST_CASE("tau_curve: the points come back, and between them tau is monotone") {
    const auto curve = *lutra::tau_curve::make(published);
    for (const auto& p : published) {
        CHECK(*curve.for_sparsity(p.sparsity) == p.tau);
        if (p.tau >= 0.04f) CHECK(*curve.for_accuracy(p.accuracy) == Approx(p.tau));
    }
    CHECK(*curve.for_sparsity(0.159) == Approx(0.01));
    CHECK(*curve.for_sparsity(-1) == 0);
    CHECK(*curve.for_accuracy(0.9358) == Approx(0.05));
    CHECK(*curve.for_accuracy(0) == 0.095f);
    float before = 0;
    for (double s = 0; s <= 0.377; s += 0.001) {
        const float tau = *curve.for_sparsity(s);
        CHECK(tau >= before);
        before = tau;
    }
    before = 1;
    for (double a = 0.9; a <= 0.938; a += 0.0005) {
        const float tau = *curve.for_accuracy(a);
        CHECK(tau <= before);
        before = tau;
    }
}

TEST_CASE("tau_curve: zeros at tau 0, a flat part, a single point") {
    const std::vector<lutra::tau_point> points{{0, 0.5, 0.9}, {1, 0.7, 0.9}, {2, 0.7, 0.8}};
    const auto curve = *lutra::tau_curve::make(points);
    CHECK(*curve.for_sparsity(0.2) == 0);
    CHECK(*curve.for_sparsity(0.7) == 1);
    CHECK(*curve.for_accuracy(0.9) == 1);
    const auto one = *lutra::tau_curve::make(std::span{points}.first(1));
    CHECK(*one.for_sparsity(0.5) == 0);
    CHECK_FALSE(one.for_sparsity(0.6));
}

TEST_CASE("tau_curve: what it does not reach and what is no curve is refused in a sentence") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const auto curve = *lutra::tau_curve::make(published);
    CHECK(curve.for_sparsity(0.5).error().message.view() ==
          "the tau curve does not reach sparsity 0.5000; expected at most 0.3770");
    CHECK(curve.for_accuracy(0.95).error().message.view() ==
          "the tau curve does not reach accuracy 0.9500; expected at most 0.9381");
    CHECK_FALSE(curve.for_sparsity(nan));
    CHECK_FALSE(curve.for_accuracy(nan));

    CHECK(message_of({}) == "a tau curve has no points; expected at least one");
    CHECK(message_of({{0, 0, 0}, {infinity, 0, 0}}) ==
          "point 1 of a tau curve has a tau that is more than 1e12; expected a number");
    CHECK(message_of({{0, nan, 0}}) == "point 0 of a tau curve has a sparsity that is NaN; expected a number");
    CHECK(message_of({{0, 0, nan}}) == "point 0 of a tau curve has an accuracy that is NaN; expected a number");
    CHECK(message_of({{-0.5f, 0, 0}}) == "point 0 of a tau curve has tau -0.5000; expected at least 0");
    CHECK(message_of({{0, 1.5, 0}}) == "point 0 of a tau curve has sparsity 1.5000; expected 0 to 1");
    CHECK(message_of({{0, 0, -1}}) == "point 0 of a tau curve has accuracy -1.0000; expected 0 to 1");
    CHECK(message_of({{1, 0, 0}, {1, 0, 0}}) ==
          "point 1 of a tau curve has tau 1.0000; expected more than that of the point before");
    CHECK(message_of({{0, 0.5, 0}, {1, 0.25, 0}}) ==
          "point 1 of a tau curve has sparsity 0.2500; expected at least that of the point before");
}
