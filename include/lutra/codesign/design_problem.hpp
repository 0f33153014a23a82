// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign searches on hosts: take the policy header that a search wrote on firmware."
#endif

#include <lutra/codesign/hardware_space.hpp>
#include <lutra/codesign/network_space.hpp>
#include <lutra/codesign/network_trial.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/search/objectives.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lutra {

/// What a design is judged by; of each less is better.
enum class design_objective : std::uint8_t {
    error,   ///< the share of images that are classified wrongly
    power,   ///< of the multipliers of the linear layers, relative to exact ones: TransAxx's measure (2024)
    energy,  ///< nJ an image, main memory included
    latency, ///< s an image
    area,    ///< mm2
};
inline constexpr std::size_t design_objective_count = 5;
inline constexpr std::array<std::string_view, design_objective_count> design_objective_names{"error", "power", "energy",
                                                                                             "latency", "area"};

/// Everything that is measured of a design, in the order of design_objective; all NaN where it cannot be built.
using design_measures = objectives<design_objective_count>;

/// The area of lanes that hold one circuit of each kind that the choices use, relative to one exact circuit each.
[[nodiscard]] inline double multiplier_area(const vit_config& c, std::span<const layer_choice> choices) {
    std::set<std::pair<std::string_view, double>> kinds;
    const auto add = [&](const lowered_multiplier& m) { kinds.emplace(m.name, m.cost.area); };
    for (const layer_choice& choice : choices) {
        for (std::size_t l = 0; l < block_layer_count; ++l) add(choice.of(static_cast<block_layer>(l)));
        add(choice.attention);
    }
    if (c.depth > 0) { // the patch embedding and the head
        add(choices.front().linear);
        add(choices.back().linear);
    }
    double area = 0;
    for (const auto& [name, own] : kinds) area += own;
    return area;
}

/// Tells the linear layers of a workload, which `power` is about, by what they multiply with.
[[nodiscard]] constexpr bool is_linear_layer(const operation& op) noexcept {
    return op.kind == operation_kind::matmul && op.rhs.cls == tensor_class::weight;
}

/// A network and an accelerator as one search problem: a genome is the network's genes and then the accelerator's. What a
/// network did is remembered for its genes, so that another accelerator costs no second trial.
template <class Tester>
class design_model {
public:
    using genome = design_genome;

    /// All three must outlive this object. Panics where the genes of both are more than design_capacity, or none.
    design_model(const network_space& network, const hardware_space& hardware, const Tester& tester)
        : network_{&network}, hardware_{&hardware}, tester_{&tester} {
        genes_.assign(network.genes().begin(), network.genes().end());
        genes_.insert(genes_.end(), hardware.genes.begin(), hardware.genes.end());
        require(!genes_.empty(), panic_code::empty, "a design without a choice: give an axis several values");
        require(genes_.size() <= design_capacity, panic_code::out_of_range, "a design has too many choices",
                static_cast<long long>(genes_.size()), static_cast<long long>(design_capacity));
        space_.length = genes_.size();
        for (std::size_t i = 0; i < genes_.size(); ++i)
            space_.alternatives[i] = static_cast<std::uint16_t>(genes_[i].alternatives.size());
    }
    [[nodiscard]] const design_choices& space() const noexcept { return space_; }
    [[nodiscard]] std::span<const design_gene> genes() const noexcept { return genes_; }
    [[nodiscard]] const network_space& network() const noexcept { return *network_; }
    [[nodiscard]] const Tester& tester() const noexcept { return *tester_; }

    /// What the network of @p g does; tried at most once for the genes of the network.
    [[nodiscard]] std::shared_ptr<const network_trial> trial(const design_genome& g, std::size_t worker) const {
        const std::size_t own = network_->genes().size();
        const std::vector<std::uint16_t> key(g.begin(), g.begin() + static_cast<std::ptrdiff_t>(own));
        {
            const std::lock_guard lock{mutex_};
            if (const auto found = trials_.find(key); found != trials_.end()) return found->second;
        }
        auto made = std::make_shared<const network_trial>(try_network(key, worker));
        const std::lock_guard lock{mutex_};
        if (trials_.size() >= remembered) trials_.clear();
        return trials_.emplace(key, std::move(made)).first->second;
    }
    /// What the design of @p g takes; an error where it cannot be built.
    [[nodiscard]] result<simulated_images> simulate(const design_genome& g, std::size_t worker) const {
        if (const status can = network_->buildable(g.gene); !can) return can.error();
        const auto t = trial(g, worker);
        const auto choices = network_->decode({g.gene.data(), network_->genes().size()});
        const std::span<const std::uint16_t> rest{g.gene.data() + network_->genes().size(), hardware_->genes.size()};
        return hardware_->simulate(t->view(), rest,
                                   {multiplier_area(network_->config(), choices), network_->table_entries(g.gene)});
    }
    /// Everything of the design of @p g.
    [[nodiscard]] design_measures measure(const design_genome& g, std::size_t worker) const {
        const auto simulated = simulate(g, worker);
        if (!simulated) return infeasible<design_objective_count>();
        const auto t = trial(g, worker);
        const auto images = static_cast<double>(simulated->images);
        return {1 - t->accuracy(), t->view().relative_power(is_linear_layer), simulated->report.energy() / images,
                simulated->report.seconds() / images, simulated->report.area()};
    }

private:
    [[nodiscard]] network_trial try_network(std::span<const std::uint16_t> genes, std::size_t worker) const {
        const std::vector<layer_choice> choices = network_->decode(genes);
        const int entries = network_->table_entries(genes);
        if constexpr (requires { (*tester_)(choices, entries, worker); })
            return (*tester_)(choices, entries, worker);
        else {
            require(entries == 0, panic_code::unsupported, "this tester knows no tables: take a table_tester", entries);
            return (*tester_)(choices, worker);
        }
    }
    static constexpr std::size_t remembered = 20'000; ///< trials, a few KiB each

    const network_space* network_;
    const hardware_space* hardware_;
    const Tester* tester_;
    std::vector<design_gene> genes_;
    design_choices space_;
    mutable std::mutex mutex_;
    mutable std::map<std::vector<std::uint16_t>, std::shared_ptr<const network_trial>> trials_;
};

/// Some objectives of a design_model as a problem of @p N objectives, each divided by a unit of its own, so that the
/// hypervolume weighs them alike.
template <class Model, std::size_t N>
struct design_problem {
    using genome = design_genome;
    const Model* model = nullptr;
    std::array<design_objective, N> judged_by{};
    objectives<N> unit{}; ///< not 0

    [[nodiscard]] objectives<N> evaluate(const genome& g, std::size_t worker = 0) const {
        const design_measures all = model->measure(g, worker);
        objectives<N> costs{};
        for (std::size_t i = 0; i < N; ++i) costs[i] = all[static_cast<std::size_t>(judged_by[i])] / unit[i];
        return costs;
    }
};

} // namespace lutra
