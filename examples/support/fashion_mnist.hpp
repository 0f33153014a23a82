// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"

#include <lutra/io/idx.hpp>
#include <lutra/nn/vit_config.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

/// Images and their labels, as many of one as of the other.
struct labelled_images {
    lutra::idx_images images;
    lutra::idx_labels labels;
};

/// Where Debian's package dataset-fashion-mnist puts its files.
inline constexpr std::string_view fashion_mnist_folder = "/usr/share/datasets/fashion-mnist";

/// Reads a pair of IDX files, plain or gzip; ends the program over files that are wrong or do not match.
inline labelled_images read_labelled_images(const std::filesystem::path& images, const std::filesystem::path& labels,
                                            std::size_t classes = 10) {
    labelled_images data{value_or_fail(lutra::read_idx_images(images)), value_or_fail(lutra::read_idx_labels(labels))};
    static_cast<void>(value_or_fail(lutra::check_labels_match(data.images, data.labels, classes)));
    return data;
}

/// The images and labels of a set ("train" or "t10k") in a folder under the names that the data set's own site gives them,
/// plain or .gz; ends the program where there are none.
inline labelled_images read_image_set(const std::filesystem::path& folder, const std::string& set,
                                      std::size_t classes = 10) {
    const auto find = [&](const std::string& name) {
        const std::filesystem::path plain = folder / name, packed = folder / (name + ".gz");
        if (!std::filesystem::exists(plain) && !std::filesystem::exists(packed))
            fail("there is no " + plain.string() + " or .gz; install Debian's dataset-fashion-mnist or give --data");
        return std::filesystem::exists(plain) ? plain : packed;
    };
    return read_labelled_images(find(set + "-images-idx3-ubyte"), find(set + "-labels-idx1-ubyte"), classes);
}

/// Keeps the first @p limit images.
inline void keep_first(labelled_images& data, std::size_t limit) {
    if (limit >= data.images.count) return;
    data.images.pixels.resize(limit * data.images.height * data.images.width);
    data.images.count = limit;
    data.labels.labels.resize(limit);
}

/// Ends the program unless @p images have the size that the network reads.
inline void check_image_size(const lutra::idx_images& images, const lutra::vit_config& c, std::string_view what) {
    if (images.height == c.image_height && images.width == c.image_width && c.channels == 1) return;
    fail("the " + std::string{what} + " images are " + std::to_string(images.height) + "x" + std::to_string(images.width) +
         " with 1 channel; the network reads " + std::to_string(c.image_height) + "x" + std::to_string(c.image_width) +
         " with " + std::to_string(c.channels));
}
