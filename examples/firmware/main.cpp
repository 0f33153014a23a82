// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Classifies the images of a frozen network's header, without heap and floating point. The same source runs on every board
// and on the host, and must print the same lines, but for those that begin with '#'.

#include "board.hpp"
#include "panic.hpp"

#include <lutra/core/checksum.hpp>
#include <lutra/core/text.hpp>
#include <lutra/nn/frozen_vit.hpp>

#include FIRMWARE_MODEL
#if defined(FIRMWARE_POLICY)
    #include FIRMWARE_POLICY
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

#if defined(FIRMWARE_POLICY)
constexpr std::span<const lutra::layer_choice> choices{best_policy};
#else
constexpr std::span<const lutra::layer_choice> choices{model::choices};
#endif
using network = lutra::frozen_vit<model::policy>;

constexpr std::size_t arena_bytes = network::arena_bytes(model::network.config, choices);
alignas(lutra::arena::alignment) std::byte memory[arena_bytes];

using line = lutra::text<96>;
void print(const line& words) {
    board::print(words.view());
    board::print("\n");
}

} // namespace

int main() {
    static constexpr network vit{model::network, choices}; // its checks are the compiler's
    constexpr std::size_t size = model::network.config.image_size();
    std::int32_t logits[model::network.config.classes];
    std::size_t correct = 0, same = 0;
    for (std::size_t i = 0; i < model::image_count; ++i) {
        lutra::arena scratch{memory};
        vit.forward(std::span{model::images}.subspan(i * size, size), logits, scratch);
        const auto best = std::max_element(std::begin(logits), std::end(logits)) - std::begin(logits);
        const std::uint32_t checksum = lutra::checksum(std::span<const std::int32_t>{logits});
        correct += best == model::labels[i];
        same += checksum == model::checksums[i];
        print(line{} << "image " << i << ": class " << best << ", is " << model::labels[i] << ", checksum " << checksum);
    }
    print(line{} << correct << " of " << model::image_count << " right");
    print(line{} << "arena " << arena_bytes);
    print(line{} << "# stack " << board::used_stack());
    print(line{} << "# images " << sizeof model::images + sizeof model::labels + sizeof model::checksums);
#if defined(FIRMWARE_POLICY)
    return 0; // the header's checksums are those of its own choices
#else
    return same == model::image_count ? 0 : 1;
#endif
}
