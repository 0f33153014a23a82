// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign writes firmware headers on hosts: include the header that it wrote on firmware."
#endif

#include <lutra/codesign/detail/cpp_text.hpp>
#include <lutra/codesign/policy_header.hpp>
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/checksum.hpp>
#include <lutra/core/identifier.hpp>
#include <lutra/core/result.hpp>
#include <lutra/core/text.hpp>
#include <lutra/nn/frozen_network.hpp>
#include <lutra/nn/integer_vit.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace lutra {

/// Images to go with a frozen network, so that a board can be seen to compute what the host computes.
struct firmware_images {
    std::span<const std::uint8_t> pixels;     ///< whole images of the config
    std::span<const std::uint8_t> labels;     ///< one an image
    std::span<const std::uint32_t> checksums; ///< one an image: checksum() of its int32 logits on the host
};

/// How a firmware header is written.
struct firmware_header_options {
    std::string_view name = "model"; ///< of the namespace
    std::string_view comment{};      ///< lines for the head of the file, without `//`
    std::string_view softmax{};      ///< the C++ types of the policy, as spelling_of says
    std::string_view layer_norm{};   ///< likewise
    const firmware_images* images = nullptr;
};

/// The plan of a multiplier that takes the fewest bytes in flash: none where it is exact, else terms of 1 KiB each, errors
/// of 64 KiB, or products of 128 or 256 KiB.
[[nodiscard]] inline lowered_multiplier smallest_plan(const lowered_multiplier& m) {
    for (const plan_kind kind : {plan_kind::exact, plan_kind::separable, plan_kind::error_plane})
        if (m.admits(kind)) return m.with_plan(kind);
    return m;
}

namespace detail {

/// Each multiplier once: its tables as arrays, and a constant that points to them.
class frozen_multipliers {
public:
    explicit frozen_multipliers(cpp_text& out) : out_{out} {}

    /// The name of the constant of @p m, which is written where it is a new one.
    std::string name_of(const lowered_multiplier& m) {
        for (std::size_t i = 0; i < known_.size(); ++i)
            if (known_[i].name == m.name && known_[i].kind == m.kind && known_[i].lhs_factors == m.lhs_factors &&
                known_[i].products32 == m.products32)
                return name(i);
        known_.push_back(m);
        write(name(known_.size() - 1), smallest_plan(m));
        return name(known_.size() - 1);
    }

private:
    static std::string name(std::size_t i) { return "multiplier" + std::to_string(i); }

    void write(const std::string& name, const lowered_multiplier& m) {
        const auto array = [&]<class T>(std::string_view type, std::string_view part, const T* values, std::size_t count) {
            out_.array(type, name + std::string{part}, std::span<const T>{values, count});
        };
        out_ << "\n// " << quotable(m.name) << ": " << to_string(m.kind) << " plan\n";
        const std::size_t pairs = 65'536;
        if (m.kind == plan_kind::separable) {
            array("std::int16_t", "_lhs", m.terms.lhs, 256 * std::size_t{m.terms.rank});
            array("std::int16_t", "_rhs", m.terms.rhs, 256 * std::size_t{m.terms.rank});
        } else if (m.kind == plan_kind::error_plane) {
            array("std::int8_t", "_errors", m.errors, pairs);
        } else if (m.kind == plan_kind::table && m.products16 != nullptr) {
            array("std::int16_t", "_products", m.products16, pairs);
        } else if (m.kind == plan_kind::table) {
            array("std::int32_t", "_products", m.products32, pairs);
        }
        out_ << "inline constexpr lutra::lowered_multiplier " << name << "{\n    .kind = lutra::plan_kind::"
             << std::array{"exact", "separable", "error_plane", "table"}[static_cast<std::size_t>(m.kind)];
        const auto shifts = [&] {
            out_ << "{";
            for (std::size_t i = 0; i < m.terms.rank; ++i) out_ << (i == 0 ? "" : ", ") << m.terms.shifts[i];
            out_ << "}";
        };
        constexpr std::array widths{"bits16", "bits8_but_128", "bits8"};
        const std::string width = std::string{"lutra::factor_width::"} + widths[static_cast<std::size_t>(m.factors)];
        if (m.kind == plan_kind::separable) {
            out_ << ",\n    .factors = " << width << ",\n    .rank = " << m.terms.rank << ",\n    .shifts = ";
            shifts();
            out_ << ",\n    .lhs_factors = " << name << "_lhs,\n    .rhs_factors = " << name << "_rhs";
        } else if (m.kind == plan_kind::error_plane) {
            out_ << ",\n    .error_shift = " << m.error_shift << ",\n    .errors = " << name << "_errors";
        } else if (m.kind == plan_kind::table) {
            out_ << ",\n    .rank = 0,\n    ." << (m.products16 != nullptr ? "products16" : "products32") << " = " << name
                 << "_products";
        }
        out_ << ",\n    .min_product = " << m.min_product << ",\n    .max_product = " << m.max_product
             << ",\n    .cost = {.power = " << m.cost.power << ", .area = " << m.cost.area << ", .delay = " << m.cost.delay
             << "},\n    .name = \"" << quotable(m.name) << "\"";
        if (m.kind == plan_kind::separable) {
            out_ << ",\n    .terms = {.lhs = " << name << "_lhs, .rhs = " << name << "_rhs,\n              .shifts = ";
            shifts();
            out_ << ", .rank = " << m.terms.rank << ", .factors = " << width << "}";
        }
        out_ << "};\n";
    }
    /// A file's name may hold anything.
    static std::string quotable(std::string_view words) {
        std::string out;
        for (const char c : words) out += c == '"' || c == '\\' || c < ' ' || c > '~' ? '_' : c;
        return out;
    }

    cpp_text& out_;
    std::vector<lowered_multiplier> known_;
};

/// The arrays of a frozen_network and the constants that are made of them.
class frozen_arrays {
public:
    explicit frozen_arrays(cpp_text& out) : out_{out} {}

    void write(const frozen_network& net) {
        out_.array("std::int8_t", "pixels", net.pixels);
        out_.array("std::int16_t", "start", std::span{net.start.data(), net.start.rows() * net.start.cols()});
        linear("patch_embed", net.patch_embed);
        for (std::size_t i = 0; i < net.blocks.size(); ++i) {
            const frozen_block& b = net.blocks[i];
            const std::string prefix = "block" + std::to_string(i) + "_";
            norm(prefix + "norm1", b.norm1);
            linear(prefix + "qkv", b.qkv);
            linear(prefix + "proj", b.proj);
            norm(prefix + "norm2", b.norm2);
            linear(prefix + "fc1", b.fc1);
            out_.array("std::int8_t", prefix + "activation", b.activation);
            linear(prefix + "fc2", b.fc2);
        }
        norm("norm", net.norm);
        linear("head", net.head);
        if (net.config.distilled) linear("head_dist", net.head_dist);
        out_ << "inline constexpr lutra::frozen_block blocks[" << net.blocks.size() << "] = {\n";
        for (std::size_t i = 0; i < net.blocks.size(); ++i) {
            const frozen_block& b = net.blocks[i];
            const std::string prefix = "block" + std::to_string(i) + "_";
            out_ << "    {.norm1 = " << prefix << "norm1,\n     .norm2 = " << prefix << "norm2";
            for (const char* layer : {"qkv", "proj", "fc1", "fc2"}) out_ << ",\n     ." << layer << " = " << prefix << layer;
            out_ << ",\n     .scores_by = " << b.scores_by << ",\n     .context_by = " << b.context_by
                 << ",\n     .activation = " << prefix << "activation},\n";
        }
        out_ << "};\n";
    }

private:
    void linear(const std::string& name, const frozen_linear& l) {
        out_.array("std::int8_t", name + "_weight", std::span{l.weight.data(), l.weight.rows() * l.weight.cols()});
        out_.array("lutra::requantizer", name + "_by", l.by);
        out_.array("std::int32_t", name + "_bias", l.bias);
        out_ << "inline constexpr lutra::frozen_linear " << name << "{{" << name << "_weight, " << l.weight.rows() << ", "
             << l.weight.cols() << "}, " << name << "_by, " << name << "_bias};\n";
    }
    void norm(const std::string& name, const layer_norm_integers& n) {
        out_.array("std::int16_t", name + "_weight", n.weight);
        out_.array("std::int32_t", name + "_bias", n.bias);
        out_ << "inline constexpr lutra::layer_norm_integers " << name << "{" << name << "_weight, " << name << "_bias, "
             << n.epsilon << ", " << n.fraction << ", " << n.shift << "};\n";
    }

    cpp_text& out_;
};

inline void write_config(cpp_text& out, const vit_config& c) {
    const auto floats = [&](const std::array<float, 4>& values) {
        out << "{";
        for (std::size_t i = 0; i < values.size(); ++i) out << (i == 0 ? "" : ", ") << values[i];
        out << "}";
    };
    out << "{.image_height = " << c.image_height << ", .image_width = " << c.image_width << ", .channels = " << c.channels
        << ", .patch = " << c.patch << ", .dim = " << c.dim << ",\n               .depth = " << c.depth
        << ", .heads = " << c.heads << ", .mlp = " << c.mlp << ", .classes = " << c.classes
        << ",\n               .activation = lutra::activation_kind::"
        << (c.activation == activation_kind::relu ? "relu" : "gelu") << ", .distilled = " << (c.distilled ? "true" : "false")
        << ",\n               .layer_norm_epsilon = " << c.layer_norm_epsilon << ",\n               .input_mean = ";
    floats(c.input_mean);
    out << ",\n               .input_std = ";
    floats(c.input_std);
    out << "}";
}

} // namespace detail

/// A network and its multipliers as a self-contained C++ header: in namespace `options.name` constants for flash, which
/// frozen_vit reads where they lie:
/// - `network`, a frozen_network;
/// - `choices`, one layer_choice a block, whose tables are in the header, in their smallest_plan;
/// - `policy`, for frozen_vit<policy>;
/// - `arena_bytes`, what that needs for these choices;
/// - with images: `image_count`, `images`, `labels` and `checksums`.
///
/// Weights do not depend on the multipliers, so that other choices, such as those of a policy header, do as well.
///
/// Errors: unsupported, where @p choices drop anything, are not one a block or are of unsigned multipliers; malformed, where
/// the namespace is no name or images are not whole or not one with a label and a checksum each.
[[nodiscard]] inline result<std::string> firmware_header(const frozen_network& net, std::span<const layer_choice> choices,
                                                         const firmware_header_options& options) {
    const auto refuse = [](error_code code, auto... words) { return error{code, 0, (text<320>{} << ... << words)}; };
    if (!is_c_name(options.name))
        return refuse(error_code::malformed, "'", options.name, "' cannot name a namespace; expected a C++ identifier");
    if (choices.size() != net.blocks.size())
        return refuse(error_code::unsupported, "there are ", choices.size(),
                      " choices of multipliers, expected one a block, ", net.blocks.size());
    for (std::size_t i = 0; i < choices.size(); ++i) {
        const layer_choice& c = choices[i];
        if (c.tokens.rule != token_rule::none || c.pruning.kind != activation_pruning_kind::none || !c.taus.empty() ||
            c.hidden_threshold != 0 || c.weights.active() || c.ranks.active())
            return refuse(error_code::unsupported, "block ", i,
                          " drops tokens, activations or weights; a frozen network has multipliers only");
        if (!c.signed_operands())
            return refuse(error_code::unsupported, "block ", i,
                          " has a multiplier of unsigned operands; a frozen network needs signed ones");
    }
    const firmware_images* const images = options.images;
    const std::size_t count = images == nullptr ? 0 : images->labels.size();
    if (images != nullptr &&
        (count == 0 || images->pixels.size() != count * net.config.image_size() || images->checksums.size() != count))
        return refuse(error_code::malformed, "the images have ", images->pixels.size(), " pixels, ", count, " labels and ",
                      images->checksums.size(), " checksums; expected ", net.config.image_size(),
                      " pixels, a label and a checksum each, and at least one image");
    detail::cpp_text out;
    out << "// Generated by lutra.\n";
    std::istringstream lines{std::string{options.comment}};
    for (std::string line; std::getline(lines, line);) out << "// " << line << "\n";
    out << "#pragma once\n\n#include <lutra/nn/frozen_vit.hpp>\n\n#include <array>\n#include <cstddef>\n#include "
           "<cstdint>\n\nnamespace "
        << options.name << " {\n\nnamespace frozen {\n";
    detail::frozen_multipliers multipliers{out};
    std::vector<std::string> names;
    for (const layer_choice& c : choices) {
        names.push_back(multipliers.name_of(c.linear));
        names.push_back(multipliers.name_of(c.attention));
        for (const lowered_multiplier* own : c.by_layer)
            names.push_back(own == nullptr ? "nullptr" : "&frozen::" + multipliers.name_of(*own));
    }
    out << "\n";
    detail::frozen_arrays{out}.write(net);
    out << "\n} // namespace frozen\n\ninline constexpr lutra::frozen_network network{\n    .config = ";
    detail::write_config(out, net.config);
    out << ",\n    .residual_fraction = " << net.residual_fraction
        << ",\n    .pixels = frozen::pixels,\n    .start = {frozen::start, " << net.start.rows() << ", " << net.start.cols()
        << "},\n    .patch_embed = frozen::patch_embed,\n    .blocks = frozen::blocks,\n    .norm = frozen::norm,\n    "
           ".head = "
           "frozen::head";
    out << ",\n    .head_dist = " << (net.config.distilled ? "frozen::head_dist" : "{}");
    out << "};\n\ninline constexpr std::array<lutra::layer_choice, " << choices.size() << "> choices{{\n";
    for (std::size_t i = 0, n = 0; i < choices.size(); ++i) {
        out << "    {.linear = frozen::" << names[n] << ", .attention = frozen::" << names[n + 1];
        n += 2;
        bool own = false;
        for (const lowered_multiplier* m : choices[i].by_layer) own = own || m != nullptr;
        if (own) out << ",\n     .by_layer = {";
        for (std::size_t l = 0; l < block_layer_count; ++l, ++n)
            if (own) out << (l == 0 ? "" : ", ") << names[n];
        out << (own ? "}},\n" : "},\n");
    }
    out << "}};\n\nstruct policy : lutra::integer_vit_defaults {\n";
    if (!options.softmax.empty()) out << "    using softmax = " << options.softmax << ";\n";
    if (!options.layer_norm.empty()) out << "    using layer_norm = " << options.layer_norm << ";\n";
    out << "};\ninline constexpr std::size_t arena_bytes = lutra::frozen_vit<policy>::arena_bytes(network.config, "
           "choices);\n";
    if (images != nullptr) {
        out << "\ninline constexpr std::size_t image_count = " << count << ";\n";
        out.array("std::uint8_t", "images", images->pixels);
        out.array("std::uint8_t", "labels", images->labels);
        out.array("std::uint32_t", "checksums", images->checksums);
    }
    out << "\n} // namespace " << options.name << "\n";
    return out.text();
}

/// The same of a network that has been prepared, with the types of its policy.
///
/// @code
/// const auto text = lutra::firmware_header(vit, choices, {.name = "model"});
/// @endcode
template <integer_vit_policy Policy>
[[nodiscard]] result<std::string> firmware_header(const integer_vit<Policy>& network, std::span<const layer_choice> choices,
                                                  firmware_header_options options) {
    if (network.config().attention != attention_kind::softmax)
        return error{error_code::unsupported, 0, text<320>{} << "only a network of softmax attention can be frozen"};
    const arena_memory memory{integer_vit<Policy>::frozen_bytes(network.config())};
    arena blocks{memory.bytes()};
    options.softmax = spelling_of<typename Policy::softmax>();
    options.layer_norm = spelling_of<typename Policy::layer_norm>();
    return firmware_header(network.frozen(blocks), choices, options);
}

} // namespace lutra
