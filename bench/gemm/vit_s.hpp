// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "gemm/own.hpp"
#include "gemm/table_loop.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace bench {

/// The linear layers of one block of a ViT-S/16 at 197 tokens: qkv, proj, fc1, fc2.
inline constexpr std::array<gemm_shape, 4> vit_s_block{
    {{197, 1152, 384}, {197, 384, 384}, {197, 1536, 384}, {197, 384, 1536}}};
inline constexpr std::size_t vit_s_depth = 12;

/// All block linears of one image as products of type P, each layer with weights of its own; a call is one image.
template <class P>
class vit_s_linears {
public:
    template <class... Arguments>
    explicit vit_s_linears(const Arguments&... arguments) {
        for (std::size_t block = 0; block < vit_s_depth; ++block)
            for (const gemm_shape s : vit_s_block) layers_.push_back(std::make_unique<P>(s, arguments...));
    }
    void operator()() {
        for (const auto& layer : layers_) (*layer)();
    }

private:
    std::vector<std::unique_ptr<P>> layers_;
};

} // namespace bench
