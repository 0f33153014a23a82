// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/prune/block.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace {

using lutra::block_shape;
using lutra::matrix_view;

std::vector<std::uint8_t> blocks_of(matrix_view<const float> w, block_shape tile, double dropped) {
    const lutra::arena_memory memory{lutra::block_mask_scratch_bytes(w.rows(), w.cols(), tile)};
    lutra::arena scratch{memory.bytes()};
    std::vector<std::uint8_t> mask(tile.rows(w.rows()) * tile.cols(w.cols()), 7);
    lutra::block_mask(w, tile, dropped, matrix_view{mask.data(), tile.rows(w.rows()), tile.cols(w.cols())}, scratch);
    CHECK(scratch.used() == 0);
    return mask;
}

} // namespace

TEST_CASE("the tiles of the smallest norm are dropped") {
    constexpr std::size_t rows = 11, cols = 17;
    lutra::random_generator random{1};
    std::vector<float> w(rows * cols);
    for (float& x : w) x = static_cast<float>(random.between(-2, 2));
    for (const block_shape tile : {block_shape{1, 1}, {4, 4}, {3, 5}, {11, 17}, {100, 2}})
        for (const double dropped : {0.0, 0.1, 0.5, 0.77, 1.0}) {
            const auto mask = blocks_of({w.data(), rows, cols}, tile, dropped);
            std::vector<std::pair<double, std::size_t>> kept, gone;
            for (std::size_t t = 0; t < mask.size(); ++t) {
                const std::size_t r0 = t / tile.cols(cols) * tile.outputs, c0 = t % tile.cols(cols) * tile.inputs;
                double sum = 0, count = 0;
                for (std::size_t r = r0; r < std::min(r0 + tile.outputs, rows); ++r)
                    for (std::size_t c = c0; c < std::min(c0 + tile.inputs, cols); ++c, ++count)
                        sum += static_cast<double>(w[r * cols + c]) * static_cast<double>(w[r * cols + c]);
                (mask[t] == 1 ? kept : gone).emplace_back(-sum / count, t); // the smaller, the earlier kept
            }
            CHECK(gone.size() == static_cast<std::size_t>(dropped * static_cast<double>(mask.size()) + 0.5));
            if (!kept.empty() && !gone.empty())
                CHECK(*std::max_element(kept.begin(), kept.end()) < *std::min_element(gone.begin(), gone.end()));
        }
}

TEST_CASE("a block mask stands for one of single weights") {
    const std::vector<std::uint8_t> blocks{1, 0, 0, 1};
    std::vector<std::uint8_t> mask(3 * 5, 7);
    lutra::expand_block_mask({blocks.data(), 2, 2}, {2, 3}, matrix_view{mask.data(), 3, 5});
    CHECK(mask == std::vector<std::uint8_t>{1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1});
}

TEST_CASE("no weights have no tiles") {
    CHECK(blocks_of({nullptr, 0, 5}, {2, 2}, 0.5).empty());
    CHECK(blocks_of({nullptr, 5, 0}, {2, 2}, 1).empty());
}

TEST_CASE("tiles, shares and shapes that cannot be panic") {
    const std::vector<float> w(12);
    std::vector<std::uint8_t> bytes(12);
    const lutra::arena_memory memory{1024};
    lutra::arena scratch{memory.bytes()}, none{std::span<std::byte>{}};
    const matrix_view weights{w.data(), 3, 4};
    REQUIRE_PANIC(lutra::block_mask(weights, {0, 1}, 0.5, matrix_view{bytes.data(), 3, 4}, scratch), bad_argument);
    REQUIRE_PANIC(lutra::block_mask(weights, {2, 2}, 1.5, matrix_view{bytes.data(), 2, 2}, scratch), out_of_range);
    REQUIRE_PANIC(lutra::block_mask(weights, {2, 2}, 0.5, matrix_view{bytes.data(), 1, 2}, scratch), bad_shape);
    REQUIRE_PANIC(lutra::block_mask(weights, {2, 2}, 0.5, matrix_view{bytes.data(), 2, 1}, scratch), bad_shape);
    REQUIRE_PANIC(lutra::block_mask(weights, {2, 2}, 0.5, matrix_view{bytes.data(), 2, 2}, none), arena_too_small);
    REQUIRE_PANIC(lutra::expand_block_mask({bytes.data(), 2, 2}, {2, 2}, matrix_view{bytes.data(), 5, 1}), bad_shape);
}
