// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Freezes a calibrated network and its multipliers into a C++ header for firmware: integers only, in flash.

#include "support/calibrated_model.hpp"
#include "support/fail.hpp"
#include "support/multipliers.hpp"
#include "support/test_images.hpp"

#include <lutra/codesign/firmware_header.hpp>
#include <lutra/core/checksum.hpp>
#include <lutra/io/file.hpp>
#include <lutra/multiplier/smallest_plan.hpp>
#include <lutra/nn/frozen_vit.hpp>
#include <lutra/nn/integer_policy.hpp>
#include <lutra/nn/integer_vit.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace {

/// What the user asked for.
struct request {
    std::filesystem::path model = examples_folder / "models" / "fashion_mnist_vit_139k.safetensors", output;
    std::vector<std::string> multipliers{"exact"}, attention{"exact"};
    std::string name = "model";
    table_options table;
    test_images files;
    std::size_t images = 0;
    int entries = 0; ///< of the tables; 0: integer_vit's own
};

/// The multipliers called @p names: one for all blocks, or one a block.
std::vector<multiplier_source> one_a_block(const std::vector<std::string>& names, std::size_t depth,
                                           const std::string& option, const table_options& o) {
    if (names.size() != 1 && names.size() != depth)
        fail(option + " was given " + std::to_string(names.size()) +
             " names; expected one for all blocks, or one for each of " + std::to_string(depth));
    std::vector<multiplier_source> found;
    for (const std::string& name : names) {
        found.push_back(find_multiplier(name, o));
        if (!found.back().lowered.signed_operands())
            fail("'" + name + "' multiplies unsigned operands; expected signed ones");
    }
    found.resize(depth, found.front());
    return found;
}

/// What the network makes of images, by the host's kernels and by those of the firmware, which must agree.
struct outcome {
    std::vector<std::uint32_t> checksums;
    std::size_t correct = 0;
};
template <class Policy>
outcome classify(const lutra::integer_vit<Policy>& vit, const lutra::frozen_vit<Policy>& small, std::size_t arena_bytes,
                 const labelled_images& data) {
    const lutra::vit_config& c = vit.config();
    const lutra::arena_memory fast{vit.scratch_bytes(c, 1)}, lean{arena_bytes};
    std::vector<std::int8_t> image(c.image_size());
    std::vector<std::int32_t> logits(c.classes), frozen_logits(c.classes);
    outcome o;
    for (std::size_t i = 0; i < data.images.count; ++i) {
        const auto pixels = std::span<const std::uint8_t>{data.images.pixels}.subspan(i * c.image_size(), c.image_size());
        lutra::arena a{fast.bytes()}, b{lean.bytes()};
        vit.quantize_pixels(pixels, image);
        vit.forward(lutra::matrix_view<const std::int8_t>{image.data(), 1, image.size()},
                    lutra::matrix_view<std::int32_t>{logits.data(), 1, logits.size()}, a);
        small.forward(pixels, frozen_logits, b);
        if (logits != frozen_logits) fail("the frozen network and integer_vit disagree on image " + std::to_string(i));
        const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
        o.correct += best == data.labels.labels[i];
        o.checksums.push_back(lutra::checksum(std::span<const std::int32_t>{logits}));
    }
    return o;
}

template <class Policy>
void freeze(const request& r, const calibrated_model& model) {
    using network = lutra::integer_vit<Policy>;
    using frozen = lutra::frozen_vit<Policy>;
    const lutra::vit_config& c = model.network.config;
    const auto linear = one_a_block(r.multipliers, c.depth, "--multiplier", r.table),
               attention = one_a_block(r.attention, c.depth, "--attention-multiplier", r.table);
    std::vector<lutra::layer_choice> choices(c.depth);
    std::string comment = r.model.filename().string() + ", integers only";
    for (std::size_t i = 0; i < c.depth; ++i) {
        choices[i] = {.linear = lutra::smallest_plan(linear[i].lowered),
                      .attention = lutra::smallest_plan(attention[i].lowered)};
        comment += "\nblock " + std::to_string(i) + ": linear " + linear[i].name + ", attention " + attention[i].name;
    }
    const lutra::arena_memory weights{network::packed_bytes(c, choices)}, blocks{network::frozen_bytes(c)};
    lutra::arena prepared{weights.bytes()}, of_blocks{blocks.bytes()};
    const network vit{model.network.parameters(), model.scales, choices, prepared};
    const lutra::frozen_network net = vit.frozen(of_blocks);
    const std::size_t arena_bytes = frozen::arena_bytes(c, choices);

    labelled_images data;
    outcome seen;
    lutra::firmware_images in_header;
    lutra::firmware_header_options options{.name = r.name, .comment = comment};
    if (r.images > 0) {
        data = read_test_images(r.files, c);
        seen = classify<Policy>(vit, frozen{net, choices}, arena_bytes, data);
        in_header = {data.images.pixels, data.labels.labels, seen.checksums};
        options.images = &in_header;
    }
    const std::string text = value_or_fail(lutra::firmware_header(vit, choices, options));
    if (const auto s = lutra::write_file_atomically(r.output, std::as_bytes(std::span{text})); !s) fail(s.error().message);

    std::printf("%s: %zu parameters, %zu bytes of arena", r.output.string().c_str(),
                model.network.parameters().flat().size(), arena_bytes);
    if (r.images > 0) std::printf(", %zu of %zu images right", seen.correct, data.images.count);
    std::printf("\n");
}

} // namespace

int main(int argc, char** argv) {
    request r;
    CLI::App app{"Freezes a calibrated Vision Transformer into a C++ header for firmware"};
    app.add_option("--model", r.model, "A calibrated model of softmax attention (safetensors)")->capture_default_str();
    app.add_option("--multiplier", r.multipliers,
                   "Of the linear layers: a built-in multiplier or a table file, for all blocks or one a block")
        ->capture_default_str();
    app.add_option("--attention-multiplier", r.attention, "Of Q K^T and A V, likewise")->capture_default_str();
    add_table_options(app, r.table);
    app.add_option("--tables", r.entries,
                   "Entries of the tables for softmax, layer norm and GELU: 8, 16; 0: 16 for layer norm, 8 for the others")
        ->capture_default_str()
        ->check(CLI::IsMember({0, 8, 16}));
    app.add_option("--images", r.images, "Put this many test images into the header, with the host's answers")
        ->capture_default_str()
        ->check(CLI::Range(0u, 10'000u));
    app.add_option("--image-file", r.files.images, "IDX images, plain or .gz (default: the Fashion-MNIST test images)");
    app.add_option("--label-file", r.files.labels, "IDX labels, plain or .gz");
    app.add_option("--namespace", r.name, "Of what the header defines")->capture_default_str();
    app.add_option("--output", r.output, "The header to write")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    if (r.files.images.empty() != r.files.labels.empty())
        fail("--image-file and --label-file go together; only one was given");
    r.files.limit = r.images;

    const calibrated_model model = read_calibrated_model(r.model);
    if (r.entries == 8)
        freeze<lutra::integer_vit_tables<8>>(r, model);
    else if (r.entries == 16)
        freeze<lutra::integer_vit_tables<16>>(r, model);
    else
        freeze<lutra::integer_vit_defaults>(r, model);
    return 0;
}
