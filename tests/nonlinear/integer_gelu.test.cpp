// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/integer_gelu.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cmath>

namespace {

double gelu(double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }

/// The greatest error in units of x over all int8 inputs.
template <class Gelu>
double worst(int fraction) {
    double w = 0;
    for (int q = -128; q <= 127; ++q)
        w = std::max(w, std::abs(Gelu::sum(q, fraction) * Gelu::sum_unit(fraction) - gelu(std::ldexp(q, -fraction))));
    return w;
}

constexpr auto at_compile_time = lutra::int8_values<lutra::ibert_gelu>(5, 1.0 / 32);
static_assert(at_compile_time[32] == 27);

} // namespace

TEST_CASE("integer_gelu: the errors stay within what is stated, at every input scale") {
    for (int fraction = 0; fraction <= 7; ++fraction) {
        INFO("fraction bits: " << fraction);
        CHECK(worst<lutra::ibert_gelu>(fraction) < (fraction < 3 ? 0.2 : 0.02));
        CHECK(worst<lutra::shift_gelu>(fraction) < 0.05);
    }
    CHECK(worst<lutra::ibert_gelu>(5) > 0.01); // the approximation's own
    CHECK(worst<lutra::shift_gelu>(5) > 0.02);
}

TEST_CASE("integer_gelu: the bytes are the requantised sums, by bit pattern") {
    const auto values = lutra::int8_values<lutra::shift_gelu>(4, 0.05);
    for (int q = -128; q <= 127; ++q) {
        const double exact = lutra::shift_gelu::sum(q, 4) * lutra::shift_gelu::sum_unit(4) / 0.05;
        CHECK(std::abs(values[static_cast<std::uint8_t>(q)] - std::clamp(exact, -127.0, 127.0)) <= 0.5 + 1e-6);
    }
}

TEST_CASE("integer_gelu: refuses scales that are none") {
    REQUIRE_PANIC(static_cast<void>(lutra::int8_values<lutra::ibert_gelu>(8, 1)), bad_argument);
    REQUIRE_PANIC(static_cast<void>(lutra::int8_values<lutra::ibert_gelu>(-1, 1)), bad_argument);
    REQUIRE_PANIC(static_cast<void>(lutra::int8_values<lutra::shift_gelu>(3, 0)), bad_argument);
    REQUIRE_PANIC(static_cast<void>(lutra::int8_values<lutra::shift_gelu>(3, std::nan(""))), bad_argument);
}
