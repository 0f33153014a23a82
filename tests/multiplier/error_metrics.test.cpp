// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/builtin_multipliers.hpp>
#include <lutra/multiplier/error_metrics.hpp>
#include <lutra/multiplier/heap_table.hpp>

#include "support/catch.hpp"

#include <cmath>
#include <cstdint>

namespace {

/// Differs from exact for one pair only, by +12, so that every metric is known by hand.
struct one_fault {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "one_fault";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b + (a == -2 && b == 12 ? 12 : 0); }
};
struct unsigned4 {
    using lhs = std::uint8_t;
    using rhs = std::uint8_t;
    using product = std::int32_t;
    static constexpr int lhs_bits = 4, rhs_bits = 4;
    static constexpr std::string_view name = "unsigned4";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b - 1; }
};
/// Wrong by +9 for one pair; its activations reach 255.
struct mixed_fault {
    using lhs = std::uint8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "mixed_fault";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b + (a == 200 && b == -9 ? 9 : 0); }
};

double mae(auto m) { return lutra::metrics_of<decltype(m)>().mae_percent; }

} // namespace

TEST_CASE("every metric of a multiplier with one fault") {
    const auto m = lutra::metrics_of<one_fault>();
    CHECK(m.mae == 12 / 65536.0);
    CHECK(m.mae_percent == 100 * 12 / 65536.0 / 65536.0);
    CHECK(m.mre_percent == Approx(100 * 0.5 / (255.0 * 255.0)));
    CHECK(m.wce == 12);
    CHECK(m.wce_percent == 1200 / 65536.0);
    CHECK(m.ep_percent == 100 / 65536.0);
    CHECK(m.mse == 144 / 65536.0);
    CHECK(m.bias == 12 / 65536.0);
    CHECK(lutra::metrics_of<lutra::exact>() == lutra::error_metrics{});
    CHECK(lutra::error_sums{}.metrics(65536) == lutra::error_metrics{});
}

TEST_CASE("only the pairs that a circuit has wires for count") {
    const auto m = lutra::metrics_of<unsigned4>();
    CHECK(m.mae == 1);
    CHECK(m.mae_percent == 100 / 256.0);
    CHECK(m.ep_percent == 100);
    CHECK(m.bias == -1);
}

TEST_CASE("operands of different signs are measured against their own exact products") {
    const auto m = lutra::metrics_of<mixed_fault>();
    CHECK(m.wce == 9);
    CHECK(m.ep_percent == 100 / 65536.0);
    CHECK(m.bias == 9 / 65536.0);
    CHECK(lutra::metrics_of(*lutra::make_table<mixed_fault>()) == m);
}

TEST_CASE("truncated operands have the mean errors of the published circuits") {
    using lutra::operand_truncated;
    CHECK(mae(operand_truncated<1, 1>{}) == Approx(0.081).margin(0.0005));
    CHECK(mae(operand_truncated<2, 2>{}) == Approx(0.23).margin(0.005));
    CHECK(mae(operand_truncated<3, 3>{}) == Approx(0.52).margin(0.005));
    CHECK(mae(operand_truncated<1, 0>{}) == Approx(0.049).margin(0.0005));
    CHECK(mae(operand_truncated<3, 0>{}) == Approx(0.34).margin(0.005));
    CHECK(mae(operand_truncated<6, 0>{}) == Approx(3.08).margin(0.005));
}

TEST_CASE("less hardware, more error") {
    using namespace lutra;
    CHECK(mae(drum<7>{}) < mae(drum<6>{}));
    CHECK(mae(drum<6>{}) < mae(drum<5>{}));
    CHECK(mae(drum<5>{}) < mae(drum<4>{}));
    CHECK(mae(drum<4>{}) < mae(drum<3>{}));
    CHECK(mae(drum<3>{}) < mae(drum<2>{}));
    CHECK(mae(operand_truncated<1, 1>{}) < mae(operand_truncated<2, 2>{}));
    CHECK(mae(operand_truncated<2, 2>{}) < mae(operand_truncated<3, 3>{}));
    CHECK(mae(broken_array<0, 4>{}) < mae(broken_array<0, 6>{}));
    CHECK(mae(broken_array<0, 6>{}) < mae(broken_array<2, 6>{}));
}

TEST_CASE("properties of the published circuits") {
    using namespace lutra;
    // A broken column c of c + 1 cells is set with probability 1/4: never above exact, and the mean is known.
    CHECK(metrics_of<broken_array<0, 4>>().bias == -(1 + 2 * 2 + 3 * 4 + 4 * 8) / 4.0);
    CHECK(metrics_of<broken_array<0, 4>>().mae == -metrics_of<broken_array<0, 4>>().bias);
    CHECK(std::abs(metrics_of<drum<4>>().bias) < 0.1); // unbiased
    CHECK(metrics_of<mitchell>().mre_percent == Approx(3.70).margin(0.01));
    CHECK(metrics_of<roba>().mre_percent == Approx(2.82).margin(0.01));
    CHECK(metrics_of<kulkarni>().wce == 2 * 21 * 21);
    CHECK(metrics_of<kulkarni>().mre_percent == Approx(1.47).margin(0.01));
}

TEST_CASE("the metrics of a table and of its type agree") {
    lutra::for_each_builtin([]<lutra::multiplier M>(M) {
        INFO(M::name);
        const auto of_type = lutra::metrics_of<M>();
        auto of_table = lutra::metrics_of(*lutra::make_table<M>());
        CHECK(of_table.mre_percent == Approx(of_type.mre_percent)); // another order of summation
        of_table.mre_percent = of_type.mre_percent;
        CHECK(of_table == of_type);
    });
}

TEST_CASE("the metrics are constants") {
    STATIC_REQUIRE(lutra::error_metrics_v<lutra::perforated<0, 2>>.wce == 384);
    CHECK(lutra::error_metrics_v<lutra::perforated<0, 2>>.mse == lutra::metrics_of<lutra::perforated<0, 2>>().mse);
    CHECK(lutra::error_metrics_v<lutra::perforated<0, 2>>.mre_percent ==
          Approx(lutra::metrics_of<lutra::perforated<0, 2>>().mre_percent));
}
