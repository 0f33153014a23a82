// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/describe_training.hpp>
#include <lutra/nn/swin_shapes.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace {

using lutra::swin_config;

struct described {
    std::vector<lutra::operation> operations;
    std::vector<std::uint32_t> dependencies;
    lutra::workload view;
    explicit described(const swin_config& c, std::uint64_t images = 1)
        : operations(lutra::operation_count(c)), dependencies(lutra::dependency_count(c)) {
        lutra::workload_builder out{operations, dependencies};
        view = lutra::describe(c, images, out);
    }
};

// Liu et al. (2021), section 3.2: 4 h w C^2 + 2 M^2 h w C for attention, 8 h w C^2 for the MLP; merging 8 C'^2 h w.
std::uint64_t macs_of(const swin_config& c) {
    std::uint64_t sum = 56ull * 56 * 48 * 96 + 768ull * 1000, side = 56, d = 96;
    for (std::size_t s = 0; s < 4; ++s, side /= 2, d *= 2) {
        if (s != 0) sum += side * side * (2 * d) * d;
        sum += c.depths[s] * (12 * side * side * d * d + 2 * 49 * side * side * d);
    }
    return sum;
}

constexpr swin_config small{.image = 32,
                            .channels = 1,
                            .patch = 2,
                            .window = 2,
                            .dims{4, 8, 12, 16},
                            .depths{1, 2, 1, 1},
                            .heads{2, 2, 3, 4},
                            .mlp_ratio = 3,
                            .classes = 5};

// Usable at compile time.
constexpr std::uint64_t small_macs() {
    lutra::workload_buffer<lutra::operation_count(small), lutra::dependency_count(small)> out;
    return lutra::describe(small, 1, out).macs();
}
static_assert(small_macs() == 256 * 4 * 4 + 256 * 4 * 10 * 4 + 2 * 256 * 4 * 4                 // first stage
                                  + 64 * 16 * 8 + 2 * (64 * 8 * 10 * 8 + 2 * 64 * 4 * 8)       // second
                                  + 16 * 32 * 12 + 16 * 12 * 10 * 12 + 2 * 16 * 4 * 12         // third
                                  + 4 * 48 * 16 + 4 * 16 * 10 * 16 + 2 * 4 * 4 * 16 + 16 * 5); // fourth, head

} // namespace

TEST_CASE("swin_shapes: multiply-accumulates are the published ones") {
    const described tiny{lutra::swin_tiny}, larger{lutra::swin_small};
    CHECK(tiny.view.macs() == macs_of(lutra::swin_tiny));
    CHECK(larger.view.macs() == macs_of(lutra::swin_small));
    CHECK(1e-9 * static_cast<double>(tiny.view.macs()) == Approx(4.5).margin(0.05)); // Liu et al. (2021), table 1
    CHECK(1e-9 * static_cast<double>(larger.view.macs()) == Approx(8.7).margin(0.05));
    CHECK(described{lutra::swin_tiny, 3}.view.macs() == 3 * tiny.view.macs());
}

TEST_CASE("swin_shapes: parameters are the published ones") {
    const auto parameters = [](const swin_config& c) {
        std::uint64_t sum = 0;
        const described swin{c, 2}; // the batch does not count
        for (const lutra::operation& op : swin.view.operations) {
            if (op.kind == lutra::operation_kind::matmul && op.rhs.cls == lutra::tensor_class::weight)
                sum += op.rhs_elements() + (op.label == "merge" ? 0 : op.n); // bias
            if (op.kind == lutra::operation_kind::layer_norm) sum += 2 * op.n;
            if (op.label == "attn.bias_add") sum += 13 * 13 * (op.m / 49); // the table behind it
        }
        return sum;
    };
    CHECK(parameters(lutra::swin_tiny) == 28'288'354); // as timm and torchvision count them
    CHECK(parameters(lutra::swin_small) == 49'606'258);
}

TEST_CASE("swin_shapes: counts are exact, shapes and dependencies are right") {
    for (const swin_config& c : {lutra::swin_tiny, lutra::swin_small, small}) {
        const described swin{c, 2};
        CHECK(swin.view.operations.size() == swin.operations.size());
        CHECK(swin.view.dependencies.size() == swin.dependencies.size());
        CHECK(validate(swin.view));
    }
    const described swin{lutra::swin_tiny, 2};
    const auto waits_for = [&](std::size_t i) {
        const auto d = swin.view.dependencies_of(i);
        return std::vector<std::uint32_t>(d.begin(), d.end());
    };
    using indices = std::vector<std::uint32_t>;
    const auto& op = swin.operations;
    CHECK((op[4].label == "attn.scores" && op[4].batch == 2 * 64 * 3 && op[4].m == 49 && op[4].n == 49 && op[4].k == 32));
    CHECK((op[5].label == "attn.bias_add" && op[5].elements() == op[4].elements() && op[5].rhs_elements() == 3 * 49 * 49));
    CHECK(waits_for(5) == indices{4});
    CHECK(waits_for(7) == indices{6, 3}); // shares, values
    CHECK(waits_for(9) == indices{1, 8}); // the residual
    CHECK(waits_for(14) == indices{9, 13});
    CHECK((op[28].label == "merge.norm" && op[28].m == 28 * 28 && op[28].n == 384 && op[28].layer == 2));
    CHECK((op[29].label == "merge" && op[29].k == 384 && op[29].n == 192));
    CHECK(waits_for(30) == indices{29});
    CHECK(op.back().layer == 11);
    CHECK((op[op.size() - 2].label == "pool" && op[op.size() - 2].k == 49 && op[op.size() - 2].elements() == 2 * 768));
}

TEST_CASE("swin_shapes: a training step") {
    const described swin{small, 3};
    lutra::workload_buffer<512> out;
    const lutra::workload step = lutra::describe_training(swin.view, {}, out);
    CHECK(validate(step));
    CHECK(step.macs() == 3 * swin.view.macs() - swin.view.operations[0].macs());
    std::uint64_t updated = 0;
    for (const lutra::operation& op : step.operations)
        if (op.pass == lutra::operation_pass::update && op.label == "attn.bias_add") updated += op.elements();
    CHECK(updated == 4 * 4 * (2 + 2 + 2 + 3 + 4));
}

TEST_CASE("swin_shapes: refuses what does not fit") {
    lutra::workload_buffer<256> out;
    const auto with = [](auto change) {
        swin_config c;
        change(c);
        return c;
    };
    REQUIRE_PANIC(lutra::describe(lutra::swin_tiny, 0, out), bad_argument);
    REQUIRE_PANIC(lutra::describe(with([](auto& c) { c.depths[2] = 0; }), 1, out), bad_argument);
    REQUIRE_PANIC(lutra::describe(with([](auto& c) { c.window = 0; }), 1, out), bad_argument);
    REQUIRE_PANIC(lutra::describe(with([](auto& c) { c.heads[1] = 5; }), 1, out), bad_shape);
    REQUIRE_PANIC(lutra::describe(with([](auto& c) { c.image = 225; }), 1, out), bad_shape);
    REQUIRE_PANIC(lutra::describe(with([](auto& c) { c.window = 8; }), 1, out), bad_shape);
    REQUIRE_PANIC(lutra::describe(with([](auto& c) { c.image = 16, c.window = 1; }), 1, out), bad_shape);
    lutra::workload_buffer<20> little;
    REQUIRE_PANIC(lutra::describe(lutra::swin_tiny, 1, little), out_of_range);
}
