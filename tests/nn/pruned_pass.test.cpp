// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/gradient_check.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/nn/train/pruned_pass.hpp>

#include <cmath>
#include <limits>

namespace {

using options = lutra::pruned_pass_options;

lutra::vit_config relu_config() {
    lutra::vit_config c = tiny_config();
    c.activation = lutra::activation_kind::relu;
    return c;
}
lutra::vit_config linear_config() {
    lutra::vit_config c = tiny_config();
    c.attention = lutra::attention_kind::relu_linear;
    return c;
}

template <class Pass>
std::vector<float> gradient_of(const lutra::vit_config& c, const Pass& pass) {
    lutra::vit_trainer<Pass> trainer{c, {.batch = 16, .label_smoothing = 0.2f}, pass};
    trainer.state().parameters = random_parameters(c, 3);
    return trainer.gradient(random_floats(gradient_check::images_in_batch * c.image_size(), 4), gradient_check::labels);
}

/// The gradient as dense products give it of gradients that are masked by hand, of one image after another: a network of
/// relu and softmax attention.
std::vector<float> masked(const lutra::vit_config& c, float tau) {
    const auto values = random_parameters(c, 3);
    const auto images = random_floats(gradient_check::images_in_batch * c.image_size(), 4);
    const lutra::vit_parameters<const float> p{c, values};
    std::vector<float> sum(values.size());
    const lutra::vit_parameters<float> gradient{c, sum};
    const float weight = 1.0f / gradient_check::images_in_batch;
    const std::size_t tokens = c.tokens();
    const lutra::arena_memory memory{1 << 20};
    for (std::size_t image = 0; image < gradient_check::images_in_batch; ++image) {
        lutra::arena arena{memory.bytes()};
        const auto matrix = [&](std::size_t cols) { return lutra::detail::take_matrix<float>(arena, tokens, cols); };
        const auto patches = lutra::detail::take_matrix<float>(arena, c.patches(), c.patch_size());
        lutra::extract_patches(c, lutra::matrix_view<const float>{images.data() + image * c.image_size(), 1, c.image_size()},
                               patches);
        std::vector<lutra::block_activations> blocks(c.depth);
        auto x = matrix(c.dim);
        lutra::embed(p, patches, x);
        for (std::size_t i = 0; i < c.depth; ++i) {
            blocks[i] = {.tokens = {1, tokens},
                         .input = x,
                         .normed1 = matrix(c.dim),
                         .qkv = matrix(3 * c.dim),
                         .probabilities = arena.take<float>(c.heads * c.attention_floats()),
                         .context = matrix(c.dim),
                         .middle = matrix(c.dim),
                         .normed2 = matrix(c.dim),
                         .hidden = matrix(c.mlp),
                         .slope = matrix(c.mlp),
                         .output = matrix(c.dim),
                         .statistics1 = arena.take<float>(2 * tokens),
                         .statistics2 = arena.take<float>(2 * tokens)};
            lutra::forward<lutra::relu>(c, p.block(i), blocks[i]);
            x = blocks[i].output;
        }
        const auto head = lutra::head_activations::take(c, 1, arena);
        lutra::classify(p, {1, tokens}, x, head.normed, head.logits, head.statistics);
        lutra::loss_of(head.logits, {std::span{gradient_check::labels}.subspan(image, 1), 0.2f, weight}, head.dlogits);
        const auto d = matrix(c.dim), dim = matrix(c.dim), mlp = matrix(c.mlp), qkv = matrix(3 * c.dim);
        const auto scores = arena.take<float>(lutra::attention_gradient_floats(c));
        lutra::head_backward(p, head, {1, tokens}, x, gradient, d);
        /// Both products with a masked gradient, the bias with all of it.
        const auto linear = [&](lutra::matrix_view<const float> in, lutra::matrix_view<const float> w,
                                lutra::matrix_view<float> dy, const lutra::linear_parameters<float>& g,
                                lutra::matrix_view<float> dx) {
            lutra::add_row_sum(dy, g.bias);
            std::vector<float> kept(dy.data(), dy.data() + dy.rows() * dy.cols());
            for (float& v : kept) v = std::fabs(v) <= tau * weight ? 0 : v;
            const lutra::matrix_view<const float> small{kept.data(), dy.rows(), dy.cols()};
            lutra::gemm(transposed(small), in, g.weight, {.accumulate = true});
            lutra::gemm(small, w, dx);
        };
        for (std::size_t i = c.depth; i-- > 0;) {
            const auto& a = blocks[i];
            const auto w = p.block(i);
            const auto g = gradient.block(i);
            linear(a.hidden, w.fc2.weight, d, g.fc2, mlp);
            for (std::size_t k = 0; k < tokens * c.mlp; ++k) mlp.data()[k] *= a.slope.data()[k];
            linear(a.normed2, w.fc1.weight, mlp, g.fc1, dim);
            lutra::layer_norm_backward(a.middle, w.norm2, a.statistics2, dim, g.norm2, d);
            linear(a.context, w.proj.weight, d, g.proj, dim);
            lutra::attention_backward(c, a, dim, qkv, scores);
            linear(a.normed1, w.qkv.weight, qkv, g.qkv, dim);
            lutra::layer_norm_backward(a.input, w.norm1, a.statistics1, dim, g.norm1, d);
        }
        lutra::embed_backward(p, patches, d, gradient);
    }
    return sum;
}

} // namespace

TEST_CASE("pruned_pass: without thresholds the bits of float_pass") {
    for (const auto& c : {tiny_config(), tiny_config(true), relu_config(), linear_config()})
        for (const std::size_t together : {1u, 2u, 5u})
            CHECK(gradient_of(c, lutra::pruned_pass<>{{.together = together}}) ==
                  gradient_of(c, lutra::float_pass<>{{.together = together}}));
}

TEST_CASE("pruned_pass: of pruned activations the loss and the gradient are those of the network that prunes them") {
    constexpr float tau = 0.07f;
    const std::vector<lutra::layer_choice> choices(
        2, {.pruning = {.kind = lutra::activation_pruning_kind::threshold, .tau = tau}});
    for (const auto& c : {tiny_config(), tiny_config(true), relu_config(), linear_config()}) {
        lutra::pruning_totals totals;
        gradient_check::check(c, choices, lutra::pruned_pass<>{{.tau = tau, .totals = &totals}});
        CHECK(totals.activation_sparsity() > 0.05);
    }
}

TEST_CASE("pruned_pass: pruned gradients are those of dense products with masked ones") {
    const auto c = relu_config();
    const auto whole = masked(c, 0);
    for (const float tau : {0.0f, 0.02f, 0.1f}) {
        lutra::pruning_totals totals;
        const auto expected = masked(c, tau);
        const auto found = gradient_of(c, lutra::pruned_pass<>{{.gradients = {.tau = tau}, .totals = &totals}});
        CHECK((expected != whole) == (tau > 0));
        CHECK((totals.skipped_products > 0) == (tau > 0));
        for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == Approx(expected[i]).margin(2e-6));
    }
}

TEST_CASE("pruned_pass: a share of the gradients, and what was counted") {
    const auto c = tiny_config();
    for (const double sparsity : {0.5, 0.9}) {
        lutra::pruning_totals totals;
        const lutra::pruned_pass<> pass{{.gradients = {.sparsity = sparsity}, .scores = true, .totals = &totals}};
        CHECK(gradient_of(c, pass) != gradient_of(c, lutra::float_pass<>{}));
        CHECK(totals.gradient_sparsity() == Approx(sparsity).margin(0.05));
        CHECK(totals.skipped_share() <= totals.gradient_sparsity());
        CHECK(totals.peak_bytes <= pass.scratch_bytes(c, 16));
        CHECK(totals.peak_bytes > pass.scratch_bytes(c, 16) / 2);
        // Of each block: qkv forward and twice backward, of all tokens; the others too but in the last, of one token.
        const std::uint64_t rows = 3 * c.tokens(), d = c.dim, others = d * d + 2 * d * c.mlp;
        CHECK(totals.products == 3 * (2 * rows * 3 * d * d + (rows + 3) * others));
        totals.reset();
        CHECK(totals.products == 0);
        CHECK(totals.gradient_sparsity() == 0);
    }
    lutra::vit_config usual; // of a size for which buffers count, not lists
    usual.activation = lutra::activation_kind::relu;
    CHECK(1.4 * static_cast<double>(lutra::pruned_pass<>{}.scratch_bytes(usual, 16)) <
          static_cast<double>(lutra::float_pass<>{}.scratch_bytes(usual, 16)));
}

TEST_CASE("pruned_pass: compressed it keeps less, for the same bits") {
    for (lutra::vit_config c : {tiny_config(), relu_config(), linear_config()})
        for (const float tau : {0.0f, 0.07f, 1.0f}) { // of hidden units of relu, more and fewer than fit are left
            c.depth = 3;
            lutra::pruned_pass_options o{.tau = tau, .gradients = {.tau = 0.02f}};
            const lutra::pruned_pass<> whole{o};
            o.compress = true;
            const lutra::pruned_pass<> less{o};
            CHECK(gradient_of(c, less) == gradient_of(c, whole));
            CHECK(less.scratch_bytes(c, 16) < whole.scratch_bytes(c, 16));
        }
}

TEST_CASE("pruned_pass: two threads train as one does") {
    const auto c = relu_config();
    const auto pixels = random_bytes(40 * c.image_size(), 5), labels = random_bytes(40, 6, 5);
    const auto train = [&](std::size_t threads, lutra::pruning_totals& totals) {
        lutra::thread_executor ex{threads};
        lutra::vit_trainer<lutra::pruned_pass<>> trainer{
            c, {.batch = 40}, lutra::pruned_pass<>{{.tau = 0.05f, .gradients = {.sparsity = 0.8}, .totals = &totals}}};
        const auto order = trainer.order(40, 0);
        for (int step = 0; step < 2; ++step) trainer.step(ex, pixels, labels, order, 2, 0);
        return trainer.state().parameters;
    };
    lutra::pruning_totals one, two;
    CHECK(train(1, one) == train(2, two));
    CHECK(one.zero_gradients == two.zero_gradients);
    CHECK(one.zero_activations == two.zero_activations);
    CHECK(one.peak_bytes == two.peak_bytes);
}

TEST_CASE("gradient_pruning: thresholds") {
    std::vector<float> x(30 * 40);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7919 % x.size()) * (i % 2 == 0 ? 1 : -1);
    const lutra::matrix_view<const float> all{x.data(), 30, 40}, few = all.block(0, 0, 2, 5);
    CHECK(lutra::threshold_for(all, {.tau = 3}, 0.5f) == 1.5f);
    CHECK(lutra::threshold_for(all, {.tau = 3, .sparsity = 0.75}, 0.5f) == Approx(900).margin(100));
    std::vector<float> magnitudes;
    for (std::size_t i = 0; i < 10; ++i) magnitudes.push_back(std::fabs(few(i / 5, i % 5)));
    std::sort(magnitudes.begin(), magnitudes.end());
    CHECK(lutra::threshold_for(few, {.sparsity = 0.3}, 1) == magnitudes[2]);
    CHECK(lutra::threshold_for(few, {.sparsity = 0.05}, 1) == 0);
    CHECK(lutra::threshold_for(all.block(0, 0, 0, 40), {.tau = 2, .sparsity = 0.3}, 1) == 2);
    x[0] = std::numeric_limits<float>::quiet_NaN();
    CHECK(lutra::threshold_for(all, {.sparsity = 0.3}, 1) == 0);
}

TEST_CASE("gradient_pruning: dithered, nothing is lost on average") {
    constexpr std::size_t rows = 400, cols = 101; // a tail too
    constexpr float tau = 0.5f;
    lutra::random_generator random{5};
    std::vector<float> x(rows * cols), whole(cols), again(cols);
    for (float& v : x) v = static_cast<float>(random.unit() * random.unit() - 0.2);
    const lutra::matrix_view<const float> in{x.data(), rows, cols};
    auto dithered = x, plain = x;
    lutra::prune_gradient(in, tau, true, whole, {dithered.data(), rows, cols});
    lutra::prune_gradient(in, tau, false, again, {plain.data(), rows, cols});
    CHECK(whole == again);
    CHECK(whole[7] != 0);
    double sum = 0, of_dithered = 0, of_plain = 0;
    std::size_t raised = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const bool small = std::fabs(x[i]) <= tau;
        REQUIRE(plain[i] == (small ? 0 : x[i]));
        if (small)
            REQUIRE((dithered[i] == 0 || dithered[i] == std::copysign(tau, x[i])));
        else
            REQUIRE(dithered[i] == x[i]);
        raised += small && dithered[i] != 0;
        sum += static_cast<double>(x[i]);
        of_dithered += static_cast<double>(dithered[i]);
        of_plain += static_cast<double>(plain[i]);
    }
    CHECK(raised > x.size() / 10);
    CHECK(std::abs(of_dithered - sum) < 4 * 0.25 * std::sqrt(static_cast<double>(x.size()))); // four deviations at most
    CHECK(std::abs(of_plain - sum) > 500);
    x[3] = std::numeric_limits<float>::quiet_NaN();
    lutra::prune_gradient(in, tau, true, whole, {dithered.data(), rows, cols});
    CHECK(std::isnan(dithered[3]));
    lutra::prune_gradient(in, 0, true, whole, {dithered.data(), rows, cols});
    CHECK(std::equal(dithered.begin() + 4, dithered.end(), x.begin() + 4));

    const auto c = relu_config();
    CHECK(gradient_of(c, lutra::pruned_pass<>{{.gradients = {.tau = 0.02f, .dither = true}}}) !=
          gradient_of(c, lutra::pruned_pass<>{{.gradients = {.tau = 0.02f}}}));
}

TEST_CASE("pruned_pass: what cannot be is refused") {
    constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
    for (const options& o : {options{.tau = -1}, options{.tau = nothing}, options{.gradients = {.tau = -0.1f}},
                             options{.gradients = {.tau = nothing}}, options{.gradients = {.sparsity = 1}},
                             options{.gradients = {.sparsity = -0.1}},
                             options{.gradients = {.sparsity = static_cast<double>(nothing)}}, options{.together = 0}})
        REQUIRE_PANIC(lutra::pruned_pass<>{o}, bad_argument);
    const auto c = tiny_config();
    const lutra::pruned_pass<> pass;
    auto values = random_parameters(c, 1), sum = values;
    const auto images = random_floats(2 * c.image_size(), 1);
    const std::vector<std::uint8_t> labels{1, 2};
    const lutra::arena_memory memory{pass.scratch_bytes(c, 2) - 64};
    lutra::arena less{memory.bytes()};
    const lutra::matrix_view<const float> both{images.data(), 2, c.image_size()};
    const lutra::vit_parameters<const float> parameters{c, values};
    REQUIRE_PANIC(pass.run(parameters, both, {std::span{labels}.first(1)}, {c, sum}, less), bad_shape);
    REQUIRE_PANIC(lutra::pruned_pass<>{{.gradients = {.tau = 1e9f}}}.run(parameters, both, {labels}, {c, sum}, less),
                  arena_too_small);
}
