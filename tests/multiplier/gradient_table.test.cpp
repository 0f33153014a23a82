// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/multiplier/broken_array.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/multiplier/operand_truncated.hpp>
#include <lutra/multiplier/product_slopes.hpp>

#include <cmath>
#include <cstdint>
#include <string_view>

namespace {

// Commutes nowhere: by the activation it rises in steps, by the weight it is curved.
struct lopsided {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "lopsided";
    static constexpr product multiply(lhs a, rhs b) noexcept { return (a & ~3) * b + b * b / 8; }
};

/// The slope as its definition says, in double: the mean over the window of differences over two.
template <class F>
double slope(int x, int window, F&& f) {
    int c = x;
    while (c + 1 + window > 127) --c;
    while (c - 1 - window < -127) ++c;
    double sum = 0;
    for (int k = -window; k <= window; ++k) sum += (f(c + k + 1) - f(c + k - 1)) / 2.0;
    return sum / (2 * window + 1);
}

template <class F>
void for_all_pairs(F&& f) {
    for (int a = -127; a <= 127; ++a)
        for (int w = -127; w <= 127; ++w) f(static_cast<std::int8_t>(a), static_cast<std::int8_t>(w));
}

double relative_error(const lutra::gradient_table& t, const lutra::slope_terms& s, bool lhs) {
    double left = 0, all = 0;
    for_all_pairs([&](std::int8_t a, std::int8_t w) {
        const double v = static_cast<double>(lhs ? t.lhs(a, w) : t.rhs(a, w)), d = v - (lhs ? s.at(a, w) : s.at(w, a));
        left += d * d;
        all += v * v;
    });
    return std::sqrt(left / all);
}

} // namespace

TEST_CASE("gradient_table: of the exact product w and a, at every window") {
    for (const int window : {0, 1, 8, 126}) {
        const lutra::gradient_table t{lutra::lowered_multiplier{}, window};
        bool right = true;
        for_all_pairs([&](std::int8_t a, std::int8_t w) {
            right = right && t.lhs(a, w) == static_cast<float>(w) && t.rhs(a, w) == static_cast<float>(a);
        });
        CHECK(right);
    }
}

TEST_CASE("gradient_table: equals its definition on all pairs, one-sided at the ends") {
    const lutra::lowered_multiplier m = lutra::lower(lopsided{});
    for (const int window : {0, 3, 8}) {
        const lutra::gradient_table t{m, window};
        double worst = 0;
        for_all_pairs([&](std::int8_t a, std::int8_t w) {
            const auto f = [](int x, int y) {
                return double{0.0 + lopsided::multiply(static_cast<std::int8_t>(x), static_cast<std::int8_t>(y))};
            };
            const double by_a = slope(a, window, [&](int x) { return f(x, w); });
            const double by_w = slope(w, window, [&](int y) { return f(a, y); });
            worst = std::max({worst, std::abs(by_a - static_cast<double>(t.lhs(a, w))),
                              std::abs(by_w - static_cast<double>(t.rhs(a, w)))});
        });
        CHECK(worst < 1e-4);
        for (int w = -127; w <= 127; ++w) {
            const auto weight = static_cast<std::int8_t>(w);
            CHECK(t.lhs(-128, weight) == t.lhs(-127, weight));
            CHECK(t.rhs(weight, -128) == t.rhs(weight, -127));
        }
    }
}

TEST_CASE("gradient_table: refuses unsigned operands and windows that leave the range") {
    lutra::lowered_multiplier m;
    REQUIRE_PANIC((lutra::gradient_table{m, 127}), bad_argument);
    REQUIRE_PANIC((lutra::gradient_table{m, -1}), bad_argument);
    m.rhs_operands = lutra::signedness::is_unsigned;
    REQUIRE_PANIC(lutra::gradient_table{m}, unsupported);
}

TEST_CASE("factored_slopes: one-dimensional tables are the averages of two-dimensional ones") {
    const lutra::gradient_table t{lutra::lower(lopsided{})};
    const auto f = lutra::factored_slopes::averaged(t);
    const lutra::product_slopes s = f.view();
    CHECK((s.lhs.rank == 1 && s.lhs.own.empty() && s.rhs.own.empty()));
    for (int y = -127; y <= 127; ++y) {
        double by_a = 0, by_w = 0;
        for (int x = -127; x <= 127; ++x) {
            by_a += static_cast<double>(t.lhs(static_cast<std::int8_t>(x), static_cast<std::int8_t>(y))) / 255;
            by_w += static_cast<double>(t.rhs(static_cast<std::int8_t>(y), static_cast<std::int8_t>(x))) / 255;
        }
        CHECK(s.lhs.at(5, static_cast<std::int8_t>(y)) == Approx(by_a).margin(1e-4));
        CHECK(s.rhs.at(5, static_cast<std::int8_t>(y)) == Approx(by_w).margin(1e-4));
    }
    CHECK(f.lhs_error() == Approx(relative_error(t, s.lhs, true)).epsilon(1e-9));
    CHECK(f.rhs_error() == Approx(relative_error(t, s.rhs, false)).epsilon(1e-9));
}

TEST_CASE("factored_slopes: two-dimensional tables to the error asked for, in few terms") {
    const auto check = [](const lutra::lowered_multiplier& m, std::size_t most_terms) {
        INFO(std::string{m.name});
        const lutra::gradient_table t{m};
        const auto f = lutra::factored_slopes::low_rank(t, 0.01, 40);
        const lutra::product_slopes s = f.view();
        CHECK(s.lhs.rank <= most_terms);
        CHECK(s.rhs.rank <= most_terms);
        CHECK(f.lhs_error() <= 0.01);
        CHECK(f.rhs_error() <= 0.01);
        CHECK(f.lhs_error() == Approx(relative_error(t, s.lhs, true)).margin(1e-6));
        CHECK(f.rhs_error() == Approx(relative_error(t, s.rhs, false)).margin(1e-6));
        const auto one = lutra::factored_slopes::low_rank(t, 0, 1);
        CHECK(one.view().lhs.rank == 1);
        CHECK(one.lhs_error() <= lutra::factored_slopes::averaged(t).lhs_error() + 1e-6);
    };
    check(lutra::lowered_multiplier{}, 1);
    check(lutra::lower(lutra::operand_truncated<3, 3>{}), 1);
    check(lutra::lower(lutra::drum<4>{}), 1);
    check(lutra::lower(lutra::mitchell{}), 12);
    check(lutra::lower(lutra::broken_array<2, 6>{}), 12);
    const lutra::gradient_table t{lutra::lower(lutra::drum<4>{})};
    REQUIRE_PANIC(lutra::factored_slopes::low_rank(t, 0.01, 0), bad_argument);
}
