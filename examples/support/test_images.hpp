// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"
#include "support/fashion_mnist.hpp"

#include <lutra/nn/vit_config.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <filesystem>
#include <string>

/// The folder of the programs, their models and their data.
inline const std::filesystem::path examples_folder{LUTRA_EXAMPLES_FOLDER};

/// The images to test a network on, as a user names them.
struct test_images {
    std::filesystem::path images, labels; ///< empty: the Fashion-MNIST test images
    std::size_t limit = 0;                ///< 0: all
};

inline void add_test_image_options(CLI::App& app, test_images& t) {
    app.add_option("--images", t.images, "IDX images, plain or .gz (default: the Fashion-MNIST test images)");
    app.add_option("--labels", t.labels, "IDX labels, plain or .gz");
    app.add_option("--limit", t.limit, "Use the first N images only; 0: all");
}

/// Reads them; by default all Fashion-MNIST test images where Debian's package is installed, else the sample. Ends the
/// program over files that are wrong, over none, and over images of another size than the network reads.
inline labelled_images read_test_images(const test_images& t, const lutra::vit_config& c) {
    if (t.images.empty() != t.labels.empty()) fail("--images and --labels go together; only one was given");
    const std::filesystem::path installed{fashion_mnist_folder}, sample = examples_folder / "data";
    const auto sample_of = [&](const char* what) { return sample / ("fashion-mnist-test-1000-" + std::string{what}); };
    labelled_images data;
    if (!t.images.empty())
        data = read_labelled_images(t.images, t.labels, c.classes);
    else if (std::filesystem::exists(installed / "t10k-images-idx3-ubyte.gz"))
        data = read_image_set(installed, "t10k", c.classes);
    else
        data = read_labelled_images(sample_of("images-idx3-ubyte.gz"), sample_of("labels-idx1-ubyte.gz"), c.classes);
    if (t.limit > 0) keep_first(data, t.limit);
    if (data.images.count == 0) fail("there are no images to evaluate; expected at least one");
    check_image_size(data.images, c, "test");
    return data;
}

/// The training images at @p path, to calibrate a network on; where that is empty the bundled sample. Ends the program as
/// above.
inline lutra::idx_images read_calibration_images(const std::filesystem::path& path, const lutra::vit_config& c) {
    const auto sample = examples_folder / "data" / "fashion-mnist-train-1000-images-idx3-ubyte.gz";
    auto images = value_or_fail(lutra::read_idx_images(path.empty() ? sample : path));
    check_image_size(images, c, "calibration");
    return images;
}
