// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"
#include "support/token_schedule.hpp"

#include <lutra/core/workload.hpp>
#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/describe_training.hpp>
#include <lutra/nn/swin_shapes.hpp>
#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What a network asks of hardware, in memory of its own.
class network_workload {
public:
    /// A place for so many operations and dependencies, filled by `emit(builder)`.
    template <class Emit>
    network_workload(std::size_t operations, std::size_t dependencies, Emit&& emit)
        : operations_(operations), dependencies_(dependencies) {
        lutra::workload_builder out{operations_, dependencies_};
        const lutra::workload made = emit(out);
        operations_.resize(made.operations.size());
        dependencies_.resize(made.dependencies.size());
    }
    [[nodiscard]] lutra::workload view() const noexcept { return {operations_, dependencies_}; }
    [[nodiscard]] std::vector<lutra::operation>& operations() noexcept { return operations_; }
    /// Makes every element of every operand so wide.
    void set_bits(int bits) noexcept {
        for (lutra::operation& op : operations_)
            for (lutra::operand* o : {&op.lhs, &op.rhs, &op.out})
                if (o->bits != 0) o->bits = bits;
    }

private:
    std::vector<lutra::operation> operations_;
    std::vector<std::uint32_t> dependencies_;
};

/// A network that can be described: by name, or a model file.
using network_shape = std::variant<lutra::vit_config, lutra::encoder_config, lutra::swin_config>;

inline const std::vector<std::pair<std::string, network_shape>>& known_networks() {
    static const std::vector<std::pair<std::string, network_shape>> all{
        {"vit_tiny", lutra::vit_tiny},
        {"vit_small", lutra::vit_small},
        {"vit_base", lutra::vit_base},
        {"deit_tiny", lutra::vit_tiny},
        {"deit_small", lutra::vit_small},
        {"deit_tiny_distilled", lutra::deit_tiny_distilled},
        {"deit_small_distilled", lutra::deit_small_distilled},
        {"swin_tiny", lutra::swin_tiny},
        {"swin_small", lutra::swin_small},
        {"bert_tiny", lutra::bert_tiny},
        {"bert_mini", lutra::bert_mini},
        {"bert_small", lutra::bert_small},
        {"bert_base", lutra::bert_base}};
    return all;
}
/// The network called @p name, or that of the model file of that name; ends the program where there is neither.
inline network_shape find_network(const std::string& name) {
    std::string names;
    for (const auto& [known, shape] : known_networks()) {
        if (known == name) return shape;
        names += known + ", ";
    }
    if (!std::filesystem::exists(name))
        fail("'" + name + "' is neither a network nor a file; expected " + names + "or a model file (.safetensors)");
    return value_or_fail(lutra::read_vit(value_or_fail(lutra::safetensors::read(name)))).config;
}

/// The forward pass of @p shape. Tokens leave a ViT by the schedule @p tokens; @p acceltran: an encoder as AccelTran's
/// simulator converts it.
inline network_workload forward_pass(const network_shape& shape, std::uint64_t batch, int bits, const std::string& tokens,
                                     bool acceltran) {
    if (acceltran && !std::holds_alternative<lutra::encoder_config>(shape))
        fail("--conversion acceltran is for encoders; expected bert_tiny, bert_mini, bert_small or bert_base");
    if (!tokens.empty() && !std::holds_alternative<lutra::vit_config>(shape))
        fail("--tokens drops the tokens of a ViT; expected a ViT, a DeiT or a model file");
    if (const auto* c = std::get_if<lutra::vit_config>(&shape)) {
        std::vector<lutra::layer_choice> choices(c->depth);
        read_token_schedule(tokens, choices);
        network_workload w{lutra::operation_count(*c, choices), lutra::dependency_count(*c, choices),
                           [&](auto& out) { return lutra::describe(*c, choices, batch, out); }};
        w.set_bits(bits);
        return w;
    }
    if (const auto* c = std::get_if<lutra::swin_config>(&shape)) {
        network_workload w{lutra::operation_count(*c), lutra::dependency_count(*c),
                           [&](auto& out) { return lutra::describe(*c, batch, out); }};
        w.set_bits(bits);
        return w;
    }
    const auto& c = std::get<lutra::encoder_config>(shape);
    if (acceltran)
        return {lutra::acceltran_operation_count(c), lutra::acceltran_dependency_count(c),
                [&](auto& out) { return lutra::describe_acceltran(c, batch, out); }};
    const lutra::encoder_workload_options options{.per_head = true, .bits = bits};
    return {lutra::operation_count(c, options), lutra::dependency_count(c, options),
            [&](auto& out) { return lutra::describe(c, batch, options, out); }};
}

/// A training step of @p forward.
inline network_workload training_step(const lutra::workload& forward, double gradient_sparsity) {
    constexpr std::size_t most = 4096;
    const lutra::training_workload_options options{.gradient_sparsity = gradient_sparsity};
    return {lutra::training_operation_count<most>(forward, options),
            lutra::training_dependency_count<most>(forward, options),
            [&](auto& out) { return lutra::describe_training<most>(forward, options, out); }};
}
