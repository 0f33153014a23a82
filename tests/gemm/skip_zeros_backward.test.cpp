// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/gemm/sparse/skip_zeros_backward.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace {

struct shape {
    std::size_t rows, outputs, inputs;
};

/// The operands of one layer, on rows of which some lie further apart than they are long.
struct layer {
    shape s;
    std::vector<float> dy, x, dweight, weight, dx;
    std::size_t gap = 3;

    layer(const shape& of, int zeros) : s{of} {
        lutra::random_generator random{s.rows + s.outputs};
        const auto real = [&] { return static_cast<float>(random.unit() - 0.5); };
        const auto fill = [&](std::size_t rows, std::size_t cols) {
            std::vector<float> v(rows * cols);
            for (float& e : v) e = real();
            return v;
        };
        dy = fill(s.rows, s.outputs + gap);
        for (float& v : dy)
            if (random.between(0, 99) < zeros) v = 0;
        x = fill(s.rows, s.inputs);
        weight = fill(s.outputs, s.inputs + gap);
        dweight = fill(s.outputs, s.inputs);
        dx = fill(s.rows, s.inputs + gap);
    }
    lutra::linear_gradients views(bool with_dx) {
        return {{dy.data(), s.rows, s.outputs, s.outputs + gap},
                {x.data(), s.rows, s.inputs},
                {dweight.data(), s.outputs, s.inputs},
                {weight.data(), s.outputs, s.inputs, s.inputs + gap},
                with_dx ? lutra::matrix_view<float>{dx.data(), s.rows, s.inputs, s.inputs + gap}
                        : lutra::matrix_view<float>{}};
    }
    lutra::skip_count run(lutra::skip_path how, bool with_dx) {
        const lutra::arena_memory memory{lutra::skip_zeros_backward_scratch_bytes(s.rows, s.outputs)};
        lutra::arena scratch{memory.bytes()};
        const auto counted = lutra::gemm_skip_zeros_backward(views(with_dx), scratch, how);
        CHECK(scratch.used() == 0);
        return counted;
    }
};

} // namespace

TEST_CASE("skip_zeros_backward: by lists come the bits of the dense products") {
    // Empty, one, tails, several strips of outputs, groups of columns and blocks of rows; the last with rounding.
    for (const shape& s : {shape{1, 1, 1}, shape{0, 3, 2}, shape{3, 0, 5}, shape{7, 10, 3}, shape{50, 96, 96},
                           shape{20, 200, 17}, shape{400, 5, 33}, shape{9, 65, 230}, shape{4, 30, 0}, shape{6, 500, 21}})
        for (const int zeros : {0, 60, 90, 100})
            for (const bool with_dx : {true, false}) {
                INFO(s.rows << "x" << s.outputs << "x" << s.inputs << " " << zeros << " % " << with_dx);
                layer dense{s, zeros}, lists = dense, best = dense;
                const auto all = dense.run(lutra::skip_path::dense, with_dx);
                const auto few = lists.run(lutra::skip_path::lists, with_dx);
                best.run(lutra::skip_path::best, with_dx);
                CHECK(all.elements == s.rows * s.outputs);
                CHECK(all.zeros == few.zeros);
                if (zeros == 0 || zeros == 100) CHECK(all.zeros == (zeros == 0 ? 0 : all.elements));
                CHECK(!all.skipped);
                CHECK(few.skipped == (few.elements != 0));
                CHECK(lists.dweight == dense.dweight);
                CHECK(best.dweight == dense.dweight);
                if (s.outputs <= 384) {
                    CHECK(lists.dx == dense.dx);
                    CHECK(best.dx == dense.dx);
                }
                for (std::size_t i = 0; s.outputs > 384 && i < dense.dx.size(); ++i)
                    REQUIRE(lists.dx[i] == Approx(dense.dx[i]).margin(1e-5));
            }
}

TEST_CASE("skip_zeros_backward: the break-even decides") {
    CHECK(!layer{{10, 20, 30}, 60}.run(lutra::skip_path::best, true).skipped);
    CHECK(layer{{10, 20, 30}, 90}.run(lutra::skip_path::best, true).skipped);
}

TEST_CASE("skip_zeros_backward: what meets zeros only is not read, and NaN in dy is no zero") {
    layer l{{4, 3, 2}, 0};
    constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t r = 0; r < 4; ++r)
        for (std::size_t o = 0; o < 3; ++o) l.dy[r * 6 + o] = r == 1 && o == 2 ? 2.0f : 0.0f;
    l.x = {nothing, nothing, 3, 4, nothing, nothing, nothing, nothing};
    l.weight = {nothing, nothing, 0, 0, 0, nothing, nothing, 0, 0, 0, 5, 6, 0, 0, 0};
    l.dweight.assign(6, 1);
    const auto counted = l.run(lutra::skip_path::best, true);
    CHECK(counted == lutra::skip_count{.elements = 12, .zeros = 11, .skipped = true});
    CHECK(l.dweight == std::vector<float>{1, 1, 1, 1, 7, 9});
    for (std::size_t r = 0; r < 4; ++r) {
        CHECK(l.dx[r * 5] == (r == 1 ? 10 : 0));
        CHECK(l.dx[r * 5 + 1] == (r == 1 ? 12 : 0));
    }
    l.dy[0] = nothing;
    CHECK(l.run(lutra::skip_path::lists, true).zeros == 10);
    CHECK(std::isnan(l.dx[0]));
}

TEST_CASE("skip_zeros_backward: what cannot be is refused") {
    layer l{{4, 3, 2}, 50};
    const lutra::arena_memory memory{lutra::skip_zeros_backward_scratch_bytes(4, 3)};
    lutra::arena scratch{memory.bytes()}, less{memory.bytes().first(memory.bytes().size() - 64)};
    const auto good = l.views(true);
    auto few_rows = good, few_outputs = good, few_inputs = good, short_dx = good, on_x = good, on_dx = good, both = good;
    few_rows.x = good.x.block(0, 0, 3, 2);
    few_outputs.dweight = good.dweight.block(0, 0, 2, 2);
    few_inputs.weight = good.weight.block(0, 0, 3, 1);
    short_dx.dx = good.dx.block(0, 0, 3, 2);
    on_x.x = good.dx;
    on_dx.weight = good.dx.block(0, 0, 3, 2);
    both.dweight = good.dx.block(1, 0, 3, 2);
    for (const auto how : {lutra::skip_path::lists, lutra::skip_path::dense}) {
        for (const auto& bad : {few_rows, few_outputs, few_inputs, short_dx})
            REQUIRE_PANIC(lutra::gemm_skip_zeros_backward(bad, scratch, how), bad_shape);
        for (const auto& bad : {on_x, on_dx, both})
            REQUIRE_PANIC(lutra::gemm_skip_zeros_backward(bad, scratch, how), bad_argument);
    }
    REQUIRE_PANIC(lutra::gemm_skip_zeros_backward(good, less, lutra::skip_path::lists), arena_too_small);
}
