// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// compare_vit FILE HEADS: whether the model in FILE gives, for test.images, the logits in test.logits.

#include <lutra/core/arena_memory.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/train/model_file.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace {

template <class T>
T value_or_exit(lutra::result<T> r) {
    if (r) return *std::move(r);
    const auto message = r.error().message.view();
    std::fprintf(stderr, "compare_vit: %.*s\n", static_cast<int>(message.size()), message.data());
    std::exit(2);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::fprintf(stderr, "usage: compare_vit FILE HEADS\n"), 2;
    const auto file = value_or_exit(lutra::safetensors::read(argv[1]));
    const auto heads = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
    const auto model = value_or_exit(lutra::read_vit(file, {.heads = heads}));
    const auto images = value_or_exit(file.floats("test.images")), expected = value_or_exit(file.floats("test.logits"));
    const lutra::vit_config& c = model.config;
    const std::size_t count = images.size() / c.image_size();
    if (images.size() % c.image_size() != 0 || expected.size() != count * c.classes)
        return std::fprintf(stderr, "compare_vit: test.images or test.logits has a wrong size\n"), 2;

    using vit = lutra::float_vit<>;
    const lutra::arena_memory weights{vit::packed_bytes(c)}, memory{vit::scratch_bytes(c, count)};
    lutra::arena packed{weights.bytes()}, scratch{memory.bytes()};
    const vit network{model.parameters(), packed};
    std::vector<float> logits(expected.size());
    network.forward({images.data(), count, c.image_size()}, {logits.data(), count, c.classes}, scratch);

    double most = 0, worst = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        most = std::max(most, static_cast<double>(std::abs(expected[i])));
        worst = std::max(worst, static_cast<double>(std::abs(logits[i] - expected[i])));
    }
    std::printf("dim %u depth %u heads %u mlp %u, %ux%ux%u%s: largest |logit| %.4f, relative error %.2e\n", c.dim, c.depth,
                c.heads, c.mlp, c.image_height, c.image_width, c.channels, c.distilled ? ", distilled" : "", most,
                worst / most);
    return most > 0.1 && worst <= 1e-4 * most ? 0 : 1;
}
