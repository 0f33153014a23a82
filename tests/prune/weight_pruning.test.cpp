// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/prune/mask.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

using lutra::weight_pruning;

TEST_CASE("weight_pruning: a mask keeps the shares that the rule foretells") {
    lutra::random_generator random{1};
    for (const auto& [rows, cols] : {std::pair{48u, 32u}, {10u, 18u}, {1u, 1u}, {17u, 5u}}) {
        std::vector<float> values(rows * cols);
        for (float& v : values) v = static_cast<float>(random.unit() - 0.5);
        const lutra::matrix_view<const float> weights{values.data(), rows, cols};
        for (const weight_pruning& p :
             {weight_pruning{}, weight_pruning::keep_n_m({2, 4}), weight_pruning::keep_n_m({3, 16}),
              weight_pruning::keep_shared({1, 4}, 16), weight_pruning::drop_blocks({16, 4}, 0.5),
              weight_pruning::drop_blocks({3, 5}, 1), weight_pruning::drop_blocks({16, 16}, 0)}) {
            std::vector<std::uint8_t> bytes(values.size(), 9);
            const lutra::matrix_view<std::uint8_t> mask{bytes.data(), rows, cols};
            const lutra::arena_memory memory{lutra::weight_mask_scratch_bytes(p, rows, cols)};
            lutra::arena scratch{memory.bytes()};
            lutra::weight_mask(weights, p, mask, scratch);
            CHECK(scratch.used() == 0);
            std::size_t kept = 0; // inputs, over all groups
            for (std::size_t r = 0; r < rows; ++r)
                for (std::size_t k = 0; k < cols; ++k) {
                    CHECK(mask(r, k) <= 1);
                    CHECK(mask(r, k) == mask(r / p.group() * p.group(), k));
                    kept += mask(r, k) != 0 && r % p.group() == 0;
                }
            CHECK(kept <= p.kept_inputs(rows, cols));
            const bool exact =
                p.rule != lutra::weight_rule::block || (rows % p.tile.outputs == 0 && cols % p.tile.inputs == 0);
            if (!exact) continue;
            CHECK(kept == p.kept_inputs(rows, cols));
            CHECK(p.dropped_share(rows, cols) == Approx(1 - lutra::kept_share(mask)).margin(1e-12));
        }
    }
    static_assert(weight_pruning::keep_n_m({2, 4}).dropped_share(3, 8) == 0.5);
    static_assert(weight_pruning::drop_blocks({2, 4}, 0.5).dropped_share(4, 8) == 0.5);
    static_assert(weight_pruning{}.dropped_share(4, 8) == 0 && !weight_pruning{}.active());
}

TEST_CASE("weight_pruning: refuses what is out of range") {
    require_valid(weight_pruning{});
    REQUIRE_PANIC(require_valid(weight_pruning::keep_n_m({0, 4})), bad_argument);
    REQUIRE_PANIC(require_valid(weight_pruning::keep_shared({4, 17})), bad_argument);
    REQUIRE_PANIC(require_valid(weight_pruning::keep_shared({2, 4}, 0)), bad_argument);
    REQUIRE_PANIC(require_valid(weight_pruning::drop_blocks({0, 4}, 0.5)), bad_argument);
    for (const double bad : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
        REQUIRE_PANIC(require_valid(weight_pruning::drop_blocks({4, 4}, bad)), out_of_range);
    std::vector<std::uint8_t> bytes(6);
    const std::vector<float> values(8);
    lutra::arena scratch{{}};
    REQUIRE_PANIC(lutra::weight_mask(lutra::matrix_view<const float>{values.data(), 2, 4}, weight_pruning{},
                                     lutra::matrix_view<std::uint8_t>{bytes.data(), 2, 3}, scratch),
                  bad_shape);
}
