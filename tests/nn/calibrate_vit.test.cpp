// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>

namespace {

constexpr std::size_t count = 19; // two batches and a tail

double largest(const reference::matrix& m, std::size_t first = 0, std::size_t columns = ~std::size_t{0}) {
    double most = 0;
    for (const auto& row : m)
        for (std::size_t j = first; j < row.size() && j - first < columns; ++j) most = std::max(most, std::abs(row[j]));
    return most;
}

/// The largest magnitudes of block 0's tensors for tokens whose values are known.
std::vector<double> block_extremes(const lutra::vit_parameters<const float>& p, reference::matrix x) {
    const lutra::vit_config& c = p.config();
    const auto epsilon = static_cast<double>(c.layer_norm_epsilon);
    const auto b = p.block(0);
    const auto normed1 = reference::layer_norm(x, b.norm1, epsilon);
    const auto qkv = reference::linear(normed1, b.qkv);
    std::vector<double> paid(qkv.size());
    const auto context = reference::attention(c, qkv, std::vector<double>(qkv.size(), 1.0), paid);
    reference::add(x, reference::linear(context, b.proj));
    const auto normed2 = reference::layer_norm(x, b.norm2, epsilon);
    auto hidden = reference::linear(normed2, b.fc1);
    for (auto& row : hidden)
        for (double& v : row) v = reference::gelu::value(v);
    return {largest(normed1),
            largest(qkv, 0, c.dim),
            largest(qkv, c.dim, c.dim),
            largest(qkv, 2 * c.dim, c.dim),
            largest(context),
            largest(normed2),
            largest(hidden)};
}

} // namespace

TEST_CASE("observe_activations: independent of the workers, every tensor of every image") {
    const lutra::vit_config c = tiny_config(true);
    const auto values = random_parameters(c, 1);
    const lutra::vit_parameters<const float> p{c, values};
    const auto pixels = random_bytes(count * c.image_size(), 2);
    lutra::serial_executor serial;
    lutra::thread_executor three{3};
    const auto seen = lutra::observe_activations(serial, p, pixels);
    REQUIRE(seen.size() == lutra::activation_scales<float>::count(c));
    const auto threaded = lutra::observe_activations(three, p, pixels);
    for (std::size_t i = 0; i < seen.size(); ++i) {
        CHECK(seen[i].max() == threaded[i].max());
        CHECK(seen[i].size() == threaded[i].size());
        CHECK(std::equal(seen[i].counts().begin(), seen[i].counts().end(), threaded[i].counts().begin()));
    }
    for (const auto method : {lutra::calibrator::max, lutra::calibrator::percentile, lutra::calibrator::mse})
        CHECK(lutra::scales_of(seen, method) == lutra::scales_of(threaded, method));

    const lutra::activation_scales<const lutra::activation_histogram> at{c, seen};
    CHECK(at.patches().size() == count * c.image_size());
    CHECK(at.head().size() == count * 2 * c.dim);
    for (std::size_t i = 0; i < c.depth; ++i)
        for (std::size_t t = 0; t < lutra::block_tensor_count; ++t) {
            const auto which = static_cast<lutra::block_tensor>(t);
            CHECK(at.block(i, which).size() == count * c.tokens() * (which == lutra::block_tensor::hidden ? c.mlp : c.dim));
        }
    const auto scales = lutra::scales_of(seen, lutra::calibrator::max);
    for (std::size_t i = 0; i < seen.size(); ++i) CHECK(scales[i] == seen[i].max() / 127);
}

TEST_CASE("observe_activations: each histogram belongs to its tensor") {
    const lutra::vit_config c = tiny_config();
    auto values = random_parameters(c, 1);
    const lutra::vit_parameters<float> p{c, values};
    std::fill(p.patch_embed.weight.data(), p.patch_embed.bias.data() + c.dim, 0.0f); // tokens are the positions
    const auto pixels = random_bytes(c.image_size(), 2);
    lutra::serial_executor ex;
    const auto seen = lutra::observe_activations(ex, p, pixels);
    reference::matrix x;
    for (std::size_t t = 0; t < c.tokens(); ++t) x.emplace_back(p.pos_embed.row(t).begin(), p.pos_embed.row(t).end());
    for (std::size_t j = 0; j < c.dim; ++j) x[0][j] += static_cast<double>(p.cls_token[j]);
    const auto expected = block_extremes(p, x);
    for (std::size_t t = 0; t < expected.size(); ++t)
        CHECK(static_cast<double>(seen[2 + t].max()) == Approx(expected[t]).epsilon(1e-5));
}

TEST_CASE("observe_activations: needs whole images") {
    const lutra::vit_config c = tiny_config();
    const auto values = random_parameters(c, 1);
    const lutra::vit_parameters<const float> views{c, values};
    lutra::serial_executor ex;
    REQUIRE_PANIC(lutra::observe_activations(ex, views, {}), empty);
    REQUIRE_PANIC(lutra::observe_activations(ex, views, std::vector<std::uint8_t>(c.image_size() - 1)), empty);
    REQUIRE_PANIC(lutra::observe_activations(ex, views, std::vector<std::uint8_t>(c.image_size() + 1)), bad_shape);
}
