// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/nn/train/predict.hpp>

#include <atomic>

namespace {

/// Votes for the class of the first pixel, twice: the first of equal logits must win.
struct first_pixel {
    lutra::vit_config c{.image_height = 1, .image_width = 2, .patch = 1, .classes = 6};

    [[nodiscard]] const lutra::vit_config& config() const { return c; }
    static std::size_t scratch_bytes(const lutra::vit_config&, std::size_t images) { return 64 * images; }
    void forward(lutra::matrix_view<const float> images, lutra::matrix_view<float> logits, lutra::arena& scratch) const {
        static_cast<void>(scratch.take<std::byte>(64 * images.rows())); // panics where it is too small
        for (std::size_t i = 0; i < images.rows(); ++i)
            for (std::size_t j = 0; j < 6; ++j)
                logits(i, j) = j == static_cast<std::size_t>(std::lround(images(i, 0) * 255)) || j == 5 ? 1.0f : 0.0f;
    }
};

} // namespace

TEST_CASE("predict: whatever the batch and the workers, tails included") {
    const first_pixel model;
    lutra::serial_executor serial;
    lutra::thread_executor three{3};
    for (const std::size_t count : {0u, 1u, 7u, 16u, 17u}) {
        const auto pixels = random_bytes(2 * count, count, 6);
        std::vector<std::uint16_t> expected;
        for (std::size_t i = 0; i < count; ++i) expected.push_back(pixels[2 * i]);
        for (const std::size_t batch : {1u, 3u, 16u, 100u}) {
            CHECK(lutra::predict(serial, model, pixels, batch) == expected);
            CHECK(lutra::predict(three, model, pixels, batch) == expected);
        }
    }
}

TEST_CASE("for_each_batch: each image once, in batches and a tail") {
    const first_pixel model;
    lutra::thread_executor ex{2};
    const std::vector<std::uint8_t> pixels(2 * 11);
    std::array<std::atomic<int>, 11> seen{};
    lutra::for_each_batch(ex, model, pixels, 4, [&](std::size_t first, lutra::matrix_view<const float> logits) {
        CHECK(logits.rows() == (first == 8 ? 3 : 4));
        CHECK(logits.cols() == 6);
        for (std::size_t i = 0; i < logits.rows(); ++i) ++seen[first + i];
    });
    for (const auto& times : seen) CHECK(times == 1);
}

TEST_CASE("predict: refuses what is not whole") {
    const first_pixel model;
    lutra::serial_executor ex;
    REQUIRE_PANIC(lutra::predict(ex, model, std::vector<std::uint8_t>(3)), bad_shape);
    REQUIRE_PANIC(lutra::predict(ex, model, std::vector<std::uint8_t>(4), 0), bad_argument);
}

TEST_CASE("count_correct") {
    const std::vector<std::uint16_t> predicted{1, 2, 300, 4};
    CHECK(lutra::count_correct(predicted, std::vector<std::uint8_t>{1, 3, 44, 4}) == 2);
    REQUIRE_PANIC(lutra::count_correct(predicted, std::vector<std::uint8_t>{1}), bad_shape);
}
