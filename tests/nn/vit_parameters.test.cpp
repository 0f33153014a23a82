// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/vit_parameters.hpp>

#include <sstream>
#include <string>

namespace {

// The state_dict of timm's VisionTransformer and VisionTransformerDistilled, in PyTorch's order.
std::string state_dict(const lutra::vit_config& c) {
    std::ostringstream out;
    out << "cls_token 1 1 12\n" << (c.distilled ? "dist_token 1 1 12\n" : "");
    out << "pos_embed 1 " << (c.distilled ? 8 : 7) << " 12\n";
    out << "patch_embed.proj.weight 12 2 4 4\npatch_embed.proj.bias 12\n";
    for (int i = 0; i < 2; ++i) {
        const std::string b = "blocks." + std::to_string(i) + ".";
        out << b << "norm1.weight 12\n" << b << "norm1.bias 12\n";
        out << b << "attn.qkv.weight 36 12\n" << b << "attn.qkv.bias 36\n";
        out << b << "attn.proj.weight 12 12\n" << b << "attn.proj.bias 12\n";
        out << b << "norm2.weight 12\n" << b << "norm2.bias 12\n";
        out << b << "mlp.fc1.weight 20 12\n" << b << "mlp.fc1.bias 20\n";
        out << b << "mlp.fc2.weight 12 20\n" << b << "mlp.fc2.bias 12\n";
    }
    out << "norm.weight 12\nnorm.bias 12\nhead.weight 5 12\nhead.bias 5\n";
    if (c.distilled) out << "head_dist.weight 5 12\nhead_dist.bias 5\n";
    return out.str();
}

} // namespace

TEST_CASE("vit_parameters: timm's names and shapes, without a gap") {
    for (const bool distilled : {false, true}) {
        const lutra::vit_config c = tiny_config(distilled);
        std::vector<float> flat(lutra::vit_parameters<float>::count(c));
        const lutra::vit_parameters<float> p{c, flat};
        std::ostringstream seen;
        const float* next = flat.data();
        p.for_each([&](std::string_view name, std::span<float> values, lutra::parameter_shape shape) {
            seen << name;
            std::size_t size = 1;
            for (const std::size_t extent : shape) seen << ' ' << extent, size *= extent;
            seen << '\n';
            CHECK(values.data() == next);
            CHECK(values.size() == size);
            next = values.data() + size;
        });
        CHECK(seen.str() == state_dict(c));
        CHECK(next == flat.data() + flat.size());
        CHECK(p.flat().data() == flat.data());
        CHECK(p.flat().size() == flat.size());
    }
}

TEST_CASE("vit_parameters: DeiT-Tiny has as many as published") {
    lutra::vit_config c{.image_height = 224,
                        .image_width = 224,
                        .channels = 3,
                        .patch = 16,
                        .dim = 192,
                        .depth = 12,
                        .heads = 3,
                        .mlp = 768,
                        .classes = 1000};
    CHECK(lutra::vit_parameters<float>::count(c) == 5'717'416);
    c.distilled = true;
    CHECK(lutra::vit_parameters<float>::count(c) == 5'910'800);
}

TEST_CASE("vit_parameters: views of one array") {
    const lutra::vit_config c = tiny_config();
    std::vector<float> flat(lutra::vit_parameters<float>::count(c));
    const lutra::vit_parameters<float> all{c, flat};
    const lutra::vit_parameters<const float> same = all;
    CHECK(same.block(1).fc2.weight.data() == all.block(1).fc2.weight.data());
    CHECK(same.block(0).qkv.weight.rows() == 36);
    CHECK(all.dist_token.empty());
    REQUIRE_PANIC(all.block(2), out_of_range);
    REQUIRE_PANIC((lutra::vit_parameters<float>{c, std::span{flat}.first(flat.size() - 1)}), bad_shape);
}

TEST_CASE("activation_scales: one place for each quantised tensor") {
    const lutra::vit_config c = tiny_config();
    std::vector<int> flat(lutra::activation_scales<int>::count(c));
    REQUIRE(flat.size() == 2 + 7 * 2);
    const lutra::activation_scales<int> at{c, flat};
    at.patches() = at.head() = 1;
    for (std::size_t i = 0; i < c.depth; ++i)
        for (std::size_t t = 0; t < lutra::block_tensor_count; ++t) ++at.block(i, static_cast<lutra::block_tensor>(t));
    CHECK(flat == std::vector<int>(flat.size(), 1));
    flat.pop_back();
    REQUIRE_PANIC((lutra::activation_scales<int>{c, flat}), bad_shape);
}
