// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: call a network's forward() with your own memory on firmware."
#endif

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/executor.hpp>
#include <lutra/nn/float_vit.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {
inline namespace LUTRA_ISA {

/// Runs a network over 8-bit images (whole, channel-major), @p batch at a time, on all workers of @p ex, and calls
/// `use(first image, logits)` for each batch, from several threads at once; logits are images x classes and gone after
/// the call. A Model is a lutra::float_vit or a lutra::int8_vit, or any type with their `config`, `scratch_bytes` and
/// `forward`. Panics where @p batch is 0 or the pixels are not whole images.
template <executor Executor, class Model, class Use>
void for_each_batch(Executor& ex, const Model& model, std::span<const std::uint8_t> pixels, std::size_t batch, Use&& use) {
    const vit_config& c = model.config();
    const std::size_t size = c.image_size();
    require(batch > 0, panic_code::bad_argument, "a batch needs at least one image");
    require(pixels.size() % size == 0, panic_code::bad_shape, "the pixels are not whole images of the network's size",
            static_cast<long long>(pixels.size()), static_cast<long long>(size));
    const std::size_t count = pixels.size() / size;
    batch = std::min(batch, count);
    if (count == 0) return;
    struct worker_state {
        arena_memory memory;
        std::vector<float> images, logits;
    };
    std::vector<worker_state> workers(workers_of(ex));
    ex.run((count + batch - 1) / batch, [&](std::size_t task, std::size_t worker) {
        worker_state& w = workers[worker];
        if (w.images.empty()) {
            w.memory = arena_memory{Model::scratch_bytes(c, batch)};
            w.images.resize(batch * size);
            w.logits.resize(batch * c.classes);
        }
        const std::size_t first = task * batch, n = std::min(batch, count - first);
        const std::span images{w.images.data(), n * size};
        normalize(c, pixels.subspan(first * size, n * size), images);
        arena scratch{w.memory.bytes()};
        const matrix_view<float> logits{w.logits.data(), n, c.classes};
        model.forward({images.data(), n, size}, logits, scratch);
        use(first, matrix_view<const float>{logits});
    });
}

/// The class of each image: the index of its greatest logit, the first of equal ones. Panics as for_each_batch does.
template <executor Executor, class Model>
[[nodiscard]] std::vector<std::uint16_t> predict(Executor& ex, const Model& model, std::span<const std::uint8_t> pixels,
                                                 std::size_t batch = 16) {
    std::vector<std::uint16_t> classes(pixels.size() / model.config().image_size());
    for_each_batch(ex, model, pixels, batch, [&](std::size_t first, matrix_view<const float> logits) {
        for (std::size_t i = 0; i < logits.rows(); ++i) {
            const auto row = logits.row(i);
            classes[first + i] = static_cast<std::uint16_t>(std::max_element(row.begin(), row.end()) - row.begin());
        }
    });
    return classes;
}

} // namespace LUTRA_ISA

/// How many predictions are right. Panics where there are more of one than of the other.
[[nodiscard]] inline std::size_t count_correct(std::span<const std::uint16_t> predicted,
                                               std::span<const std::uint8_t> labels) {
    require(predicted.size() == labels.size(), panic_code::bad_shape, "as many labels as predictions are needed",
            static_cast<long long>(labels.size()), static_cast<long long>(predicted.size()));
    std::size_t correct = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) correct += predicted[i] == labels[i];
    return correct;
}

} // namespace lutra
