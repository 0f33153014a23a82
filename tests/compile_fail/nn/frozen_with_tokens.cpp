// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: a frozen_vit drops nothing: choose multipliers only
// EXPECT: panic
#include <lutra/nn/frozen_vit.hpp>

constexpr std::array<lutra::frozen_block, 1> blocks{};
constexpr lutra::frozen_network network{.config = {.dim = 16, .depth = 1, .heads = 1, .mlp = 16}, .blocks = blocks};
constexpr std::array<lutra::layer_choice, 1> choices{{{.tokens = lutra::token_pruning::keep_top(0.5f)}}};
constexpr lutra::frozen_vit<> vit{network, choices};
int main() { return static_cast<int>(vit.config().depth); }
