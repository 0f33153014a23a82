// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What firmware can do wrong with a frozen network, each on purpose: every one ends in the panic hook, none in a fault.

#include "board.hpp"

#include <lutra/core/text.hpp>
#include <lutra/nn/frozen_vit.hpp>

#include FIRMWARE_MODEL

#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

using vit = lutra::frozen_vit<model::policy>;
constexpr vit network{model::network, model::choices};
constexpr std::size_t pixels = model::network.config.image_size(), classes = model::network.config.classes;

std::jmp_buf before;
alignas(lutra::arena::alignment) std::array<std::byte, model::arena_bytes + 64> memory;
std::array<std::int32_t, classes> logits;
std::array<lutra::layer_choice, model::choices.size()> choices = model::choices;

/// Does it, and says which panic it came to.
template <class F>
void provoke(std::string_view what, F&& f) {
    board::print((lutra::text<96>{} << what << ": ").view());
    choices = model::choices;
    if (setjmp(before) == 0) {
        f();
        board::print("no panic\n");
    }
}
void classify(std::span<std::byte> bytes, std::span<const std::uint8_t> image, std::span<std::int32_t> out) {
    lutra::arena scratch{bytes};
    network.forward(image, out, scratch);
}

} // namespace

void lutra::on_panic(const panic_info& info) {
    board::print((text<96>{} << "panic " << static_cast<int>(info.code) << ", got " << info.actual << ", expected "
                             << info.expected << "\n")
                     .view());
    std::longjmp(before, 1);
}

int main() {
    const std::span<std::byte> all{memory};
    const std::span<const std::uint8_t> image = std::span{model::images}.first(pixels);
    provoke("an arena of half the size", [&] { classify(all.first(model::arena_bytes / 2), image, logits); });
    provoke("an arena that lacks one byte", [&] { classify(all.first(model::arena_bytes - 1), image, logits); });
    provoke("no arena", [&] { classify({}, image, logits); });
    provoke("an arena one byte further", [&] { classify(all.subspan(1), image, logits); });
    provoke("half an image", [&] { classify(all, image.first(pixels / 2), logits); });
    provoke("too few logits", [&] { classify(all, image, std::span{logits}.first(classes - 1)); });
    provoke("a block without a choice", [&] { vit{model::network, std::span{choices}.first(choices.size() - 1)}; });
    provoke("a plan whose table is not linked", [&] {
        choices[1].attention.kind = lutra::plan_kind::table;
        vit{model::network, choices};
    });
    provoke("the same, changed later", [&] {
        const vit changed{model::network, choices};
        choices.back().linear.kind = lutra::plan_kind::error_plane;
        lutra::arena scratch{all.first(model::arena_bytes)};
        changed.forward(image, logits, scratch);
    });
    provoke("a multiplier of unsigned operands", [&] {
        choices[0].linear.lhs_operands = lutra::signedness::is_unsigned;
        vit{model::network, choices};
    });
    provoke("dropped tokens", [&] {
        choices[0].tokens.rule = lutra::token_rule::merge_similar;
        vit{model::network, choices};
    });
    provoke("nothing wrong", [&] { classify(all.first(model::arena_bytes), image, logits); });
    return 0;
}
