// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/observe.hpp>
#include <lutra/nn/train/activation_thresholds.hpp>
#include <lutra/nn/train/hidden_thresholds.hpp>
#include <lutra/nn/train/tau_curve_file.hpp>

#include <lutra/core/executor.hpp>
#include <lutra/core/random.hpp>

#include <string>
#include <utility>
#include <vector>

namespace {

using lutra::activation_point;

/// Keeps all that it is told.
struct recorder {
    struct seen {
        std::size_t layer;
        activation_point point;
        std::size_t rows, cols, zeros;
    };
    std::vector<seen> all;
    std::vector<lutra::skip_count> counts;
    template <class T>
    void activation(std::size_t layer, activation_point p, lutra::matrix_view<const T> x) {
        std::size_t zeros = 0;
        for (std::size_t r = 0; r < x.rows(); ++r)
            for (const T v : x.row(r)) zeros += v == 0;
        all.push_back({layer, p, x.rows(), x.cols(), zeros});
    }
    void skipped(std::size_t, activation_point, const lutra::skip_count& s) { counts.push_back(s); }
};

struct network {
    lutra::vit_config c = tiny_config();
    std::vector<float> values, scales, images;
    std::vector<lutra::layer_choice> choices;
    std::size_t count = 3;

    network() : choices(2) {
        c.activation = lutra::activation_kind::relu;
        values = random_parameters(c, 3);
        scales.assign(lutra::activation_scales<float>::count(c), 0.02f);
        images = random_floats(count * c.image_size(), 4);
    }
    /// Calls f(model) with either network.
    template <class F>
    void with(bool in_float, F f) const {
        const lutra::vit_parameters<const float> p{c, values};
        const lutra::arena_memory memory{in_float ? lutra::float_vit<>::packed_bytes(c)
                                                  : lutra::int8_vit<>::packed_bytes(c, choices)};
        lutra::arena weights{memory.bytes()};
        if (in_float)
            f(lutra::float_vit<>{p, weights, choices});
        else
            f(lutra::int8_vit<>{p, scales, choices, weights});
    }
    template <class Model, class Observer>
    std::vector<float> logits(const Model& model, Observer&& observer) const {
        const lutra::arena_memory memory{Model::scratch_bytes(c, count)};
        lutra::arena scratch{memory.bytes()};
        std::vector<float> out(count * c.classes);
        model.forward({images.data(), count, c.image_size()}, {out.data(), count, c.classes}, scratch, observer);
        return out;
    }
};

} // namespace

TEST_CASE("observe: an observer changes nothing, and is told of each activation as it is read") {
    for (const bool in_float : {true, false})
        for (const bool pruned : {false, true}) {
            network n;
            for (auto& c : n.choices) {
                c.skip_zeros = true;
                if (pruned) c.pruning = {.kind = lutra::activation_pruning_kind::threshold, .tau = 0.3f};
            }
            n.with(in_float, [&](const auto& model) {
                recorder r;
                CHECK(n.logits(model, r) == logits_of(model, n.images));
                const std::size_t maps = 2 * n.c.heads * n.count; // scores and probabilities
                CHECK(r.all.size() == 2 + n.c.depth * (maps + 7 + (pruned ? 2 : 0)));
                CHECK(r.counts.size() == n.c.depth);
                CHECK(r.all.front().point == activation_point::patches);
                CHECK(r.all.back().point == activation_point::head);
                CHECK(r.all.back().layer == 1);
                std::vector<lutra::activation_counts> memory(lutra::activation_counter::size(n.c));
                const lutra::activation_counter counter{n.c, memory};
                n.logits(model, counter);
                std::vector<lutra::activation_counts> expected(memory.size());
                for (const auto& s : r.all)
                    expected[s.layer * lutra::activation_point_count + static_cast<std::size_t>(s.point)] +=
                        {.matrices = 1, .rows = s.rows, .elements = s.rows * s.cols, .zeros = s.zeros};
                for (std::size_t i = 0; i < n.c.depth; ++i)
                    if (r.counts[i].skipped)
                        expected[i * lutra::activation_point_count + static_cast<std::size_t>(activation_point::hidden)]
                            .skipped = r.counts[i].zeros;
                CHECK(memory == expected);
                CHECK((counter.total(activation_point::query).zeros > 0) == (pruned || !in_float));
                CHECK(counter.total_pruned().elements <
                      2 * n.count * n.c.tokens() * (6 * n.c.dim + n.c.mlp) + 2 * maps * 49 + 1);
            });
        }
}

TEST_CASE("observe: the workload has the sizes that tokens left, and zeros apart from what was skipped") {
    for (const bool in_float : {true, false}) {
        network n;
        for (auto& c : n.choices) c.skip_zeros = true, c.hidden_threshold = 3; // nearly all hidden units: lists pay
        n.choices[0].tokens = {.rule = lutra::token_rule::keep_top, .share = 0.5};
        n.with(in_float, [&]<class Model>(const Model& model) {
            const lutra::arena_memory memory{lutra::observe_scratch_bytes<Model>(n.c, n.count)};
            lutra::arena scratch{memory.bytes()};
            lutra::workload_buffer<64> out;
            const auto w = lutra::observe(model, {n.images.data(), n.count, n.c.image_size()}, n.choices, scratch, out);
            CHECK(scratch.used() == 0);
            CHECK(validate(w));
            recorder r;
            n.logits(model, r);
            const auto seen = [&](std::size_t layer, activation_point p) {
                recorder::seen sum{layer, p, 0, 0, 0};
                for (const auto& s : r.all)
                    if (s.layer == layer && s.point == p) sum.rows += s.rows, sum.cols = s.cols, sum.zeros += s.zeros;
                return sum;
            };
            std::size_t checked = 0;
            for (const lutra::operation& op : w.operations) {
                const auto rows = [&](activation_point p) { return seen(op.layer, p).rows; };
                if (op.label == "attn.qkv") {
                    CHECK(op.batch * op.m == rows(activation_point::normed1));
                    ++checked;
                }
                if (op.label == "attn.scores") {
                    CHECK(op.batch * op.m == rows(activation_point::scores));
                    CHECK(op.n == seen(op.layer, activation_point::scores).cols);
                }
                if (op.label == "attn.context") CHECK(op.k == seen(op.layer, activation_point::scores).cols);
                if (op.label != "mlp.fc2") continue;
                const auto hidden = seen(op.layer, activation_point::hidden);
                CHECK(op.batch * op.m == hidden.rows);
                CHECK(op.lhs.sparsity ==
                      Approx(static_cast<double>(hidden.zeros) / static_cast<double>(hidden.rows * n.c.mlp)));
                CHECK(op.lhs.skipped == op.lhs.sparsity);
                // Weight rows read: one a token and hidden unit that is not zero.
                CHECK(op.executed_macs() / static_cast<double>(op.n) ==
                      Approx(static_cast<double>(hidden.rows * n.c.mlp - hidden.zeros)));
                ++checked;
            }
            CHECK(checked == 4);
            CHECK(seen(1, activation_point::normed1).rows < seen(0, activation_point::normed1).rows);
        });
    }
}

TEST_CASE("observe: one counter takes any number of passes") {
    network n;
    n.choices[0].tokens = {.rule = lutra::token_rule::keep_top, .share = 0.5};
    n.with(false, [&]<class Model>(const Model& model) {
        const lutra::arena_memory memory{lutra::observe_scratch_bytes<Model>(n.c, n.count)};
        lutra::arena scratch{memory.bytes()};
        lutra::workload_buffer<64> at_once, by_parts;
        const auto w = lutra::observe(model, {n.images.data(), n.count, n.c.image_size()}, n.choices, scratch, at_once);
        std::vector<lutra::activation_counts> counts(lutra::activation_counter::size(n.c));
        const lutra::activation_counter counter{n.c, counts};
        std::vector<float> logits(2 * n.c.classes);
        for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 1}, {1, 2}})
            model.forward({&n.images[first * n.c.image_size()], count, n.c.image_size()},
                          {logits.data(), count, n.c.classes}, scratch, counter);
        const auto parts = lutra::observed_workload(n.c, n.choices, n.count, counter, by_parts);
        REQUIRE(parts.operations.size() == w.operations.size());
        for (std::size_t i = 0; i < w.operations.size(); ++i) {
            CHECK(parts.operations[i].macs() == w.operations[i].macs());
            CHECK(parts.operations[i].executed_macs() == w.operations[i].executed_macs());
            CHECK(parts.operations[i].lhs.sparsity == w.operations[i].lhs.sparsity);
        }
    });
}

TEST_CASE("hidden_thresholds: a share of zeros is reached on what was seen, and not far exceeded") {
    network n;
    lutra::serial_executor ex;
    const auto pixels = random_bytes(20 * n.c.image_size(), 9);
    const lutra::vit_parameters<const float> parameters{n.c, n.values};
    const auto seen = lutra::observe_activations(ex, parameters, pixels);
    const auto at = lutra::activation_scales<const lutra::activation_histogram>{n.c, seen};
    for (const double target : {0.0, 0.6, 0.9, 1.0}) {
        const auto theta = lutra::hidden_thresholds(seen, n.c, target);
        std::vector<float> images(pixels.size());
        lutra::normalize(n.c, pixels, images);
        for (std::size_t i = 0; i < n.c.depth; ++i) n.choices[i].hidden_threshold = 0;
        n.choices[0].hidden_threshold = theta[0]; // the first block's units depend on no other threshold
        n.images = images;
        n.count = 20;
        n.with(true, [&](const auto& model) {
            std::vector<lutra::activation_counts> memory(lutra::activation_counter::size(n.c));
            const lutra::activation_counter counter{n.c, memory};
            n.logits(model, counter);
            const auto& h = at.block(0, lutra::block_tensor::hidden);
            const double alone = static_cast<double>(h.zeros()) / static_cast<double>(h.size());
            const double share = counter.at(0, activation_point::hidden).sparsity();
            CHECK(share >= target);
            CHECK(share <= std::max(alone, target) + 0.02);
            CHECK((theta[0] == 0) == (alone >= target));
        });
    }
    REQUIRE_PANIC(lutra::hidden_thresholds(seen, n.c, 1.5), bad_argument);
    REQUIRE_PANIC(lutra::hidden_thresholds(lutra::vit_histograms(seen.size()), n.c, 0.5), empty);
}

TEST_CASE("activation_thresholds: of all that is pruned a share is zero, for less error than by shares of each tensor") {
    const network n;
    const lutra::vit_parameters<const float> parameters{n.c, n.values};
    std::vector<std::uint8_t> pixels(40 * n.c.image_size());
    lutra::random_generator random{3};
    for (auto& x : pixels) x = static_cast<std::uint8_t>(random.between(0, 255));
    const auto zeros = [&](const std::vector<float>& taus) {
        std::vector<lutra::activation_counts> counts(lutra::activation_counter::size(n.c));
        lutra::activation_counter counter{n.c, counts};
        lutra::detail::watch_pruned(parameters, pixels, taus, counter);
        return counter.total_pruned().sparsity();
    };
    float before = 0;
    for (const double wanted : {0.3, 0.5, 0.65}) {
        const auto taus = lutra::activation_thresholds(parameters, pixels, wanted);
        REQUIRE(taus.size() == lutra::activation_counter::size(n.c));
        INFO(wanted << " " << zeros(taus));
        CHECK(std::abs(zeros(taus) - wanted) < 0.01);
        const auto at = [&](lutra::activation_point q) { return taus[static_cast<std::size_t>(q)]; };
        CHECK(at(lutra::activation_point::normed1) == 0); // never pruned
        CHECK(at(lutra::activation_point::query) > before);
        before = at(lutra::activation_point::query);
    }
    CHECK(zeros(lutra::activation_thresholds(parameters, pixels, 1)) == 1);
    const auto none = lutra::activation_thresholds(parameters, pixels, 0);
    CHECK(std::all_of(none.begin(), none.end(), [](float tau) { return tau == 0; }));
    REQUIRE_PANIC(lutra::activation_thresholds(parameters, pixels, 1.01), bad_argument);
    REQUIRE_PANIC(lutra::activation_thresholds(parameters, pixels, std::nan("")), bad_argument);
    REQUIRE_PANIC(lutra::activation_thresholds(parameters, {}, 0.5), empty);
    REQUIRE_PANIC(lutra::activation_thresholds(parameters, std::span{pixels}.first(7), 0.5), bad_shape);
}

TEST_CASE("tau_curve_file: points come back, and what is no curve is refused") {
    const std::vector<lutra::tau_point> points{{0, 0.25, 0.9}, {0.5f, 0.5, 0.875}};
    CHECK(*lutra::tau_points(lutra::to_json(points)) == points);
    const auto message = [](const char* text) {
        const auto read = lutra::tau_points(nlohmann::json::parse(text));
        return read ? "" : std::string{read.error().message.view()};
    };
    CHECK(message("[]") == "the JSON document has no 'tau_curve'; expected an array of points");
    CHECK(message(R"({"tau_curve": 3})") == "'tau_curve' is of type number; expected an array of points");
    CHECK(message(R"({"tau_curve": [{"tau": 1, "sparsity": 0}]})") ==
          "point 0 of 'tau_curve' has no 'accuracy'; expected tau, sparsity and accuracy");
    CHECK(message(R"({"tau_curve": [{"tau": "x", "sparsity": 0, "accuracy": 0}]})") ==
          "'tau' of point 0 of 'tau_curve' is of type string; expected a number");
    CHECK(message(R"({"tau_curve": []})") == "a tau curve has no points; expected at least one");
    CHECK(message(R"({"tau_curve": [{"tau": 1e300, "sparsity": 0, "accuracy": 0}]})") ==
          "point 0 of a tau curve has a tau that is more than 1e12; expected a number");
}
