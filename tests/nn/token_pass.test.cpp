// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/gradient_check.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"

#include <lutra/nn/train/token_pass.hpp>

namespace {

using lutra::rest_tokens;
using lutra::token_pruning;

void check(const token_pruning& first, const token_pruning& second, bool distilled = false) {
    lutra::vit_config c = tiny_config(distilled);
    c.image_width = 20; // 10 patches
    std::vector<lutra::layer_choice> choices(2);
    choices[0].tokens = first;
    choices[1].tokens = second;
    gradient_check::check(c, choices, lutra::token_pass<>{choices});
}

} // namespace

TEST_CASE("token_pass: the gradient passes through the sum of the others and its attention") {
    check(token_pruning::keep_top(0.5f), token_pruning::keep_prefix());
}
TEST_CASE("token_pass: through their mean, twice, of two prefix tokens") {
    check(token_pruning::keep_top(0.6f, rest_tokens::mean), token_pruning::keep_above(1, rest_tokens::mean), true);
}
TEST_CASE("token_pass: where they are dropped, in another number for each image") {
    check(token_pruning::keep_above(1, rest_tokens::drop), {});
}
TEST_CASE("token_pass: through merged tokens, and their sizes in attention") {
    check(token_pruning::merge_similar(4), token_pruning::merge_similar(2));
}
TEST_CASE("token_pass: is float_pass where nothing is dropped, and where only unread tokens are") {
    const lutra::vit_config c = tiny_config();
    const auto images = random_floats(3 * c.image_size(), 4);
    const auto gradient = [&](const auto& pass) {
        lutra::vit_trainer<std::decay_t<decltype(pass)>> trainer{c, {.batch = 16}, pass};
        trainer.state().parameters = random_parameters(c, 3);
        return trainer.gradient(images, gradient_check::labels);
    };
    std::vector<lutra::layer_choice> choices(2);
    const auto expected = gradient(lutra::float_pass<>{});
    CHECK(gradient(lutra::token_pass<>{}) == expected);
    CHECK(gradient(lutra::token_pass<>{choices}) == expected);
    choices[1].tokens = token_pruning::keep_prefix();
    const auto fewer = gradient(lutra::token_pass<>{choices});
    for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(fewer[i] == Approx(expected[i]).margin(1e-6));
}
