// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign writes firmware headers on hosts: include the header that it wrote on firmware."
#endif

#include <lutra/codesign/detail/cpp_text.hpp>
#include <lutra/multiplier/smallest_plan.hpp>
#include <lutra/nn/frozen_network.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// The parts of a firmware header: multipliers, the arrays of a network, its config.

namespace lutra {

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

} // namespace lutra
