// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign searches on hosts: take the policy header that a search wrote on firmware."
#endif

#include <lutra/core/panic.hpp>
#include <lutra/core/result.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/search/choices.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lutra {

/// How many choices a design has at most: those of the network and those of the accelerator together.
inline constexpr std::size_t design_capacity = 64;
using design_genome = choice_genome<design_capacity>;
using design_choices = choice_space<design_capacity>;

/// One choice of a design, for people: what is chosen and between what.
struct design_gene {
    std::string name;
    std::vector<std::string> alternatives;
};

/// A rule for the tokens of each block, none or one a block, under a name.
struct token_schedule {
    std::string name = "all tokens";
    std::vector<token_pruning> rules{};
};

/// What may be chosen in a network. Each axis has at least one value; the first one is that of the network as it is. An axis
/// of one value is no choice.
struct network_axes {
    std::vector<lowered_multiplier> linear{1};    ///< for the linear layers of each block
    std::vector<lowered_multiplier> attention{1}; ///< for Q K^T and A V of each block
    std::vector<float> thresholds{0};             ///< for the activations of each block (DynaTran); 0: no pruning
    std::vector<token_schedule> schedules{1};     ///< for the whole network
    /// Entries of the tables that stand for softmax, layer norm and GELU (integer_vit_tables), for the whole network; 0:
    /// float. Only a network that keeps all its tokens and activations takes tables.
    std::vector<int> tables{0};
    bool by_layer = false;   ///< qkv, proj, fc1 and fc2 choose apart
    bool skip_zeros = false; ///< fc2 skips the weights that meet zeros: no choice, the sums are the same
};

/// The choices of a network as genes: block after block its linear layers, its attention and its threshold, then the token
/// schedule and the tables. Decoded choices point into this object, which must outlive them and stay where it is.
///
/// @code
/// const lutra::network_space space{config, {.linear = {lutra::lower(lutra::exact{}), lutra::lower(lutra::drum<4>{})}}};
/// const std::vector<lutra::layer_choice> choices = space.decode(space.choices().at(3));
/// @endcode
class network_space {
public:
    /// Panics where an axis is empty, a schedule has neither no rule nor one a block, a threshold is negative or not finite,
    /// or there are more than design_capacity choices.
    network_space(const vit_config& config, network_axes axes) : config_{config}, axes_{std::move(axes)} {
        require(!axes_.linear.empty() && !axes_.attention.empty() && !axes_.thresholds.empty() && !axes_.schedules.empty() &&
                    !axes_.tables.empty(),
                panic_code::empty, "every axis of a network_space needs at least one value");
        for (const token_schedule& s : axes_.schedules)
            require(s.rules.empty() || s.rules.size() == config.depth, panic_code::bad_shape,
                    "a token schedule has one rule a block, or none", static_cast<long long>(s.rules.size()), config.depth);
        for (const float tau : axes_.thresholds)
            require(tau >= 0 && tau < 1e30f, panic_code::bad_argument,
                    "a threshold of activations is a number of at least 0");
        constexpr std::string_view layers[]{"qkv", "proj", "fc1", "fc2"};
        for (std::size_t i = 0; i < config.depth; ++i) {
            const std::string block = "block " + std::to_string(i) + ' ';
            if (axes_.by_layer)
                for (std::size_t l = 0; l < block_layer_count; ++l)
                    add({kind::layer, i, l}, block + std::string{layers[l]}, names_of(axes_.linear));
            else
                add({kind::linear, i, 0}, block + "linear", names_of(axes_.linear));
            add({kind::attention, i, 0}, block + "attention", names_of(axes_.attention));
            std::vector<std::string> taus;
            for (const float tau : axes_.thresholds) taus.push_back(threshold_name(tau));
            add({kind::threshold, i, 0}, block + "threshold", std::move(taus));
        }
        std::vector<std::string> schedules;
        for (const token_schedule& s : axes_.schedules) schedules.push_back(s.name);
        add({kind::schedule, 0, 0}, "tokens", std::move(schedules));
        std::vector<std::string> tables;
        for (const int entries : axes_.tables) {
            require(entries >= 0, panic_code::bad_argument, "a table has no negative number of entries", entries);
            tables.push_back(entries == 0 ? "float" : std::to_string(entries) + " entries");
        }
        add({kind::tables, 0, 0}, "tables", std::move(tables));
        require(genes_.size() <= design_capacity, panic_code::out_of_range, "a design has too many choices",
                static_cast<long long>(genes_.size()), static_cast<long long>(design_capacity));
    }
    network_space(const network_space&) = delete;
    network_space& operator=(const network_space&) = delete;

    [[nodiscard]] std::span<const design_gene> genes() const noexcept { return genes_; }
    [[nodiscard]] const vit_config& config() const noexcept { return config_; }
    [[nodiscard]] const network_axes& axes() const noexcept { return axes_; }
    /// The multiplier that an alternative of a gene stands for; null where it stands for something else.
    [[nodiscard]] const lowered_multiplier* multiplier(std::size_t gene, std::size_t alternative) const {
        require(gene < genes_.size() && alternative < genes_[gene].alternatives.size(), panic_code::out_of_range,
                "a network_space has no such alternative", static_cast<long long>(gene),
                static_cast<long long>(genes_.size()));
        switch (places_[gene].what) {
        case kind::linear:
        case kind::layer: return &axes_.linear[alternative];
        case kind::attention: return &axes_.attention[alternative];
        case kind::threshold:
        case kind::schedule:
        case kind::tables: break;
        }
        return nullptr;
    }
    /// The space of the network's genes alone; of length 0 where nothing can be chosen.
    [[nodiscard]] design_choices choices() const {
        design_choices c{.length = genes_.size()};
        for (std::size_t i = 0; i < genes_.size(); ++i)
            c.alternatives[i] = static_cast<std::uint16_t>(genes_[i].alternatives.size());
        return c;
    }

    /// The choices of the network of @p genes, of which the first genes().size() count. Panics where one is out of range.
    [[nodiscard]] std::vector<layer_choice> decode(std::span<const std::uint16_t> genes) const {
        require(genes.size() >= genes_.size(), panic_code::bad_shape, "a genome has too few genes for its network_space",
                static_cast<long long>(genes.size()), static_cast<long long>(genes_.size()));
        layer_choice all{.linear = axes_.linear.front(), .attention = axes_.attention.front()};
        set_threshold(all, axes_.thresholds.front());
        all.skip_zeros = axes_.skip_zeros;
        std::vector<layer_choice> choices(config_.depth, all);
        set_schedule(choices, axes_.schedules.front());
        for (std::size_t i = 0; i < genes_.size(); ++i) {
            const std::size_t a = genes[i];
            require(a < genes_[i].alternatives.size(), panic_code::out_of_range, "a gene has no such alternative",
                    static_cast<long long>(a), static_cast<long long>(genes_[i].alternatives.size()));
            layer_choice& c = choices[places_[i].block];
            switch (places_[i].what) {
            case kind::linear: c.linear = axes_.linear[a]; break;
            case kind::layer: c.by_layer[places_[i].layer] = &axes_.linear[a]; break;
            case kind::attention: c.attention = axes_.attention[a]; break;
            case kind::threshold: set_threshold(c, axes_.thresholds[a]); break;
            case kind::schedule: set_schedule(choices, axes_.schedules[a]); break;
            case kind::tables: break;
            }
        }
        return choices;
    }
    /// The entries of the tables of @p genes, 0 for none. Panics like decode.
    [[nodiscard]] int table_entries(std::span<const std::uint16_t> genes) const {
        if (places_.empty() || places_.back().what != kind::tables) return axes_.tables.front();
        const std::size_t last = genes_.size() - 1;
        require(genes.size() > last && genes[last] < axes_.tables.size(), panic_code::out_of_range,
                "a genome names no tables of its network_space");
        return axes_.tables[genes[last]];
    }
    /// Whether a network can have all of @p genes at once: tables go with no other way of dropping work.
    [[nodiscard]] status buildable(std::span<const std::uint16_t> genes) const {
        if (table_entries(genes) == 0) return ok();
        for (const layer_choice& c : decode(genes))
            if (c.tokens.rule != token_rule::none || c.pruning.active())
                return error{error_code::unsupported, 0,
                             "a network of tables keeps all its tokens and activations; expected the tables 'float'"};
        return ok();
    }

    /// The genes that take alternative @p linear for every linear layer and alternative @p attention for attention, and the
    /// first of everything else: a uniform assignment. Panics where there is none.
    [[nodiscard]] design_genome uniform(std::size_t linear, std::size_t attention = 0) const {
        require(linear < axes_.linear.size() && attention < axes_.attention.size(), panic_code::out_of_range,
                "a network_space has no such multiplier", static_cast<long long>(std::max(linear, attention)),
                static_cast<long long>(std::max(axes_.linear.size(), axes_.attention.size())));
        design_genome g{.length = genes_.size()};
        for (std::size_t i = 0; i < genes_.size(); ++i) {
            if (places_[i].what == kind::linear || places_[i].what == kind::layer) g[i] = static_cast<std::uint16_t>(linear);
            if (places_[i].what == kind::attention) g[i] = static_cast<std::uint16_t>(attention);
        }
        return g;
    }

private:
    enum class kind : std::uint8_t { linear, layer, attention, threshold, schedule, tables };
    struct place {
        kind what;
        std::size_t block, layer;
    };
    void add(const place& p, std::string name, std::vector<std::string> alternatives) {
        if (alternatives.size() < 2) return;
        genes_.push_back({std::move(name), std::move(alternatives)});
        places_.push_back(p);
    }
    static std::vector<std::string> names_of(std::span<const lowered_multiplier> multipliers) {
        std::vector<std::string> names;
        for (const lowered_multiplier& m : multipliers) names.emplace_back(m.name);
        return names;
    }
    static std::string threshold_name(float tau) {
        char digits[32];
        std::snprintf(digits, sizeof digits, "tau %g", static_cast<double>(tau));
        return digits;
    }
    static void set_threshold(layer_choice& c, float tau) {
        c.pruning =
            tau > 0 ? activation_pruning{.kind = activation_pruning_kind::threshold, .tau = tau} : activation_pruning{};
    }
    static void set_schedule(std::vector<layer_choice>& choices, const token_schedule& s) {
        for (std::size_t i = 0; i < choices.size(); ++i) choices[i].tokens = s.rules.empty() ? token_pruning{} : s.rules[i];
    }

    vit_config config_;
    network_axes axes_;
    std::vector<design_gene> genes_;
    std::vector<place> places_;
};

} // namespace lutra
