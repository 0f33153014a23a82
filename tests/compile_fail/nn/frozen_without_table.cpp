// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: require_tables
// EXPECT: null pointer
#include <lutra/nn/frozen_vit.hpp>

constexpr std::array<lutra::frozen_block, 1> blocks{};
constexpr lutra::frozen_network network{.config = {.dim = 16, .depth = 1, .heads = 1, .mlp = 16}, .blocks = blocks};
constexpr std::array<lutra::layer_choice, 1> choices{
    {{.linear = {.kind = lutra::plan_kind::error_plane, .name = "of a table that nobody linked"}}}};
constexpr lutra::frozen_vit<> vit{network, choices};
int main() { return static_cast<int>(vit.config().depth); }
