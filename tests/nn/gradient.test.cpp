// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/gradient_check.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"

TEST_CASE("gradient: every tensor's equals finite differences") { gradient_check::check(tiny_config()); }

TEST_CASE("gradient: of a distilled network too") {
    lutra::vit_config c = tiny_config(true);
    c.depth = 1;
    gradient_check::check(c);
}

TEST_CASE("gradient: of linear attention") {
    lutra::vit_config c = tiny_config();
    c.attention = lutra::attention_kind::relu_linear;
    gradient_check::check(c);
}

TEST_CASE("gradient: of a network of relu") {
    lutra::vit_config c = tiny_config();
    c.activation = lutra::activation_kind::relu;
    gradient_check::check(c);
}

TEST_CASE("gradient: the slope of relu") {
    std::vector<float> x{-2, -1e-30f, 0, 1e-30f, 3}, y(5);
    lutra::apply_with_slope<lutra::relu>(x, y);
    CHECK(y == std::vector<float>{0, 0, 0, 1e-30f, 3});
    CHECK(x == std::vector<float>{0, 0, 0, 1, 1});
}
