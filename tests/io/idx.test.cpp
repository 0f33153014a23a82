// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"

#include <lutra/io/idx.hpp>

#include <array>
#include <initializer_list>
#include <numeric>

using lutra::error_code;

namespace {

/// A header of the given magic number and dimensions, then as many counted bytes.
std::vector<std::byte> idx(std::uint32_t magic, std::initializer_list<std::uint32_t> sizes, std::size_t elements) {
    std::vector<std::byte> out;
    const auto append = [&out](std::uint32_t v) {
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(v >> shift & 0xff));
    };
    append(magic);
    for (const auto size : sizes) append(size);
    for (std::size_t i = 0; i < elements; ++i) out.push_back(static_cast<std::byte>(i));
    return out;
}

const std::filesystem::path fashion = "/usr/share/datasets/fashion-mnist";

} // namespace

TEST_CASE("images and labels are what the bytes say") {
    const auto images = lutra::parse_idx_images(idx(0x803, {2, 3, 4}, 24));
    require_value(images);
    CHECK(images->count == 2);
    CHECK(images->height == 3);
    CHECK(images->width == 4);
    REQUIRE(images->image(1).size() == 12);
    CHECK(images->image(0)[11] == 11);
    CHECK(images->image(1)[0] == 12);
    REQUIRE_PANIC(images->image(2), out_of_range);
    CHECK(lutra::parse_idx_labels(idx(0x801, {3}, 3))->labels == std::vector<std::uint8_t>{0, 1, 2});
    CHECK(lutra::parse_idx_images(idx(0x803, {0, 28, 28}, 0))->count == 0);
    CHECK(lutra::parse_idx_labels(idx(0x801, {0}, 0))->labels.empty());
}

TEST_CASE("what is written is what is read") {
    lutra::idx_images images{std::vector<std::uint8_t>(300 * 5 * 2), 300, 5, 2};
    std::iota(images.pixels.begin(), images.pixels.end(), std::uint8_t{0});
    const lutra::idx_labels labels{{9, 0, 255}};
    CHECK(*lutra::parse_idx_images(lutra::to_idx(images)) == images);
    CHECK(*lutra::parse_idx_labels(lutra::to_idx(labels)) == labels);
    CHECK(lutra::to_idx(*lutra::parse_idx_images(idx(0x803, {2, 3, 4}, 24))) == idx(0x803, {2, 3, 4}, 24));
    images.count = 299;
    REQUIRE_PANIC(lutra::to_idx(images), bad_shape);

    const temp_folder folder;
    write_plain(folder / "labels", lutra::to_idx(labels));
    CHECK(*lutra::read_idx_labels(folder / "labels") == labels);
#if LUTRA_USE_ZLIB
    write_plain(folder / "labels.gz", *lutra::gzip(lutra::to_idx(labels)));
    CHECK(*lutra::read_idx_labels(folder / "labels.gz") == labels);
#endif
}

TEST_CASE("a file cut at any byte is truncated") {
    const auto whole = idx(0x803, {2, 2, 2}, 8);
    for (std::size_t n = 0; n < whole.size(); ++n)
        require_error(lutra::parse_idx_images(std::span{whole}.first(n)), error_code::truncated, "");
    const auto labels = idx(0x801, {4}, 4);
    for (std::size_t n = 0; n < labels.size(); ++n)
        require_error(lutra::parse_idx_labels(std::span{labels}.first(n)), error_code::truncated, "");
}

TEST_CASE("every fault of an IDX file has its sentence") {
    using lutra::parse_idx_images;
    using lutra::parse_idx_labels;
    require_error(parse_idx_images(idx(0x89504e47, {1, 1, 1}, 1)), error_code::malformed,
                  "the magic number is 0x89504e47; expected 0x00000803");
    require_error(parse_idx_images(idx(0xd03, {1, 1, 1}, 4)), error_code::wrong_type,
                  "type 0x0d (float32), magic 0x00000d03; expected 0x08 (uint8)");
    require_error(parse_idx_images(idx(0x703, {1, 1, 1}, 4)), error_code::wrong_type, "0x07 (unknown)");
    require_error(parse_idx_images(idx(0x801, {1}, 1)), error_code::mismatch, "is 1, magic 0x00000801; expected 3 (images)");
    require_error(parse_idx_labels(idx(0x803, {1, 1, 1}, 1)), error_code::mismatch,
                  "is 3, magic 0x00000803; expected 1 (labels)");
    require_error(parse_idx_images(idx(0x803, {2, 3, 4}, 25)), error_code::wrong_size,
                  "holds 25 bytes of elements; expected 24");
    require_error(parse_idx_images(idx(0x803, {2, 3, 4}, 23)), error_code::truncated,
                  "holds 23 bytes of elements; expected 24");
    require_error(parse_idx_images(idx(0x803, {2, 0, 4}, 0)), error_code::malformed, "dimension 1 of the IDX file is 0");
    // 2^32-1 cubed, and a product that is 0 modulo 2^64
    require_error(parse_idx_images(idx(0x803, {~0u, ~0u, ~0u}, 1)), error_code::malformed,
                  "overflows 64 bits at dimension 2");
    require_error(parse_idx_images(idx(0x803, {1u << 31, 1u << 31, 4}, 0)), error_code::malformed, "overflows 64 bits");
    require_error(parse_idx_images(idx(0x803, {~0u, ~0u, 1}, 1)), error_code::truncated, "expected 18446744065119617025");
    CHECK(parse_idx_images(idx(0xd03, {1, 1, 1}, 4)).error().offset == 2);

    const temp_folder folder;
    write_plain(folder / "x", idx(0x801, {1}, 1));
    require_error(lutra::read_idx_images(folder / "x"), error_code::mismatch, "x: the dimension count");
    require_error(lutra::read_idx_images(folder / "y"), error_code::io, "y: cannot open it");
    require_error(lutra::read_idx_labels(folder / "x", 8), error_code::wrong_size, "limit of 8 bytes");
}

TEST_CASE("labels must fit the images and the classes") {
    const lutra::idx_images images{{1, 2, 3}, 3, 1, 1};
    CHECK(lutra::check_labels_match(images, {{0, 9, 5}}, 10).has_value());
    require_error(lutra::check_labels_match(images, {{0, 9}}, 10), error_code::mismatch, "3 images and 2 labels");
    require_error(lutra::check_labels_match(images, {{0, 9, 10}}, 10), error_code::mismatch,
                  "label 2 is 10; expected less than 10");
}

TEST_CASE("Fashion-MNIST, where it is installed") {
    if (!LUTRA_USE_ZLIB || !std::filesystem::exists(fashion / "t10k-images-idx3-ubyte.gz")) {
        WARN("skipped: no zlib, or no Fashion-MNIST in " << fashion);
        return;
    }
    const auto images = lutra::read_idx_images(fashion / "t10k-images-idx3-ubyte.gz");
    const auto labels = lutra::read_idx_labels(fashion / "t10k-labels-idx1-ubyte.gz");
    require_value(images);
    require_value(labels);
    CHECK(images->count == 10000);
    CHECK(images->height == 28);
    CHECK(images->width == 28);
    CHECK(lutra::check_labels_match(*images, *labels, 10).has_value());
    std::array<int, 10> of_class{};
    for (const auto label : labels->labels) ++of_class[label];
    for (const int n : of_class) CHECK(n == 1000);
}
