// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"

#include <lutra/nn/policy.hpp>
#include <lutra/nn/train/low_rank_layers.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <charconv>
#include <span>
#include <string>
#include <string_view>

inline constexpr const char* weight_rule_help =
    "Which weights of the blocks are kept, by magnitude: N:M of neighbouring inputs, N:MxP the same for P neighbouring "
    "outputs, or block:OxI:SHARE, tiles of O outputs x I inputs of which a share is dropped; or low rank, by singular "
    "values: rank:SHARE of the products, or energy:SHARE of the sum of squares";

/// Gives the blocks the rule for weights that @p text names; ends the program over one that is wrong.
inline void choose_weights(std::string_view text, const lutra::vit_parameters<const float>& parameters,
                           std::span<lutra::layer_choice> choices) {
    std::string_view rest = text;
    const auto wrong = [&] {
        fail("'" + std::string{text} +
             "' is no rule for weights; expected N:M, N:MxP, block:OxI:SHARE, rank:SHARE or energy:SHARE");
    };
    const auto number = [&]<class T>(T& value) {
        const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        if (fault != std::errc{}) wrong();
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    };
    const auto sign = [&](std::string_view expected) {
        if (!rest.starts_with(expected)) wrong();
        rest.remove_prefix(expected.size());
    };
    for (const std::string_view by : {"rank:", "energy:"})
        if (rest.starts_with(by)) {
            double share = 0;
            sign(by);
            number(share);
            if (!(share > 0 && share < 1) || !rest.empty()) wrong();
            const auto ranks = by == "energy:"
                                   ? lutra::ranks_for_energy(parameters, share)
                                   : std::vector(choices.size(), lutra::ranks_for_macs(parameters.config(), share));
            for (std::size_t i = 0; i < choices.size(); ++i) choices[i].ranks = ranks[i];
            return;
        }
    lutra::weight_pruning rule;
    if (rest.starts_with("block")) {
        rule.rule = lutra::weight_rule::block;
        sign("block:");
        number(rule.tile.outputs);
        sign("x");
        number(rule.tile.inputs);
        sign(":");
        number(rule.dropped);
        if (rule.tile.outputs < 1 || rule.tile.inputs < 1 || !(rule.dropped >= 0 && rule.dropped <= 1)) wrong();
    } else {
        rule.rule = lutra::weight_rule::n_m;
        number(rule.pattern.n);
        sign(":");
        number(rule.pattern.m);
        if (rule.pattern.n < 1 || rule.pattern.n > rule.pattern.m || rule.pattern.m > lutra::most_n_m) wrong();
        if (!rest.empty()) {
            rule.rule = lutra::weight_rule::n_m_shared;
            sign("x");
            number(rule.panel);
            if (rule.panel < 1) wrong();
        }
    }
    if (!rest.empty()) wrong();
    for (lutra::layer_choice& choice : choices) choice.weights = rule;
}
