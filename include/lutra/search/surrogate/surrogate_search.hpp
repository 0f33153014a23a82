// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/concept.hpp>
#include <lutra/search/surrogate/acquisition.hpp>
#include <lutra/search/surrogate/choice_encoding.hpp>
#include <lutra/search/surrogate/detail/latin_design.hpp>
#include <lutra/search/surrogate/detail/objective_models.hpp>
#include <lutra/search/surrogate/evaluation_log.hpp>
#include <lutra/search/surrogate/gaussian_process.hpp>
#include <lutra/search/surrogate/gobi.hpp>
#include <lutra/search/surrogate/scalarisation.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace lutra {

/// How a surrogate search goes on.
struct surrogate_search_options {
    std::size_t design = 20;     ///< candidates evaluated before a model is asked; at least 2
    double uncertain_rate = 0.1; ///< of the others: where the models know least
    double random_rate = 0.1;    ///< of the others: at random
    lower_confidence_bound bound{};
    gobi_options descent{};
    std::size_t starts = 4;                    ///< of descents, a candidate asked for
    std::size_t mutants = 100, strangers = 50; ///< other candidates looked at: changed ones of the front, random ones
    double infeasible_price = 1;               ///< what certain infeasibility costs, in ranges of the front
    /// The most evaluations a model learns: the newest of the front, and the newest of all. It bounds the time of an ask.
    std::size_t most_trained = 400;
    double refit_growth = 1.2; ///< models are fitted anew when there are so many times as many evaluations; else updated
    /// The search ends after so many evaluations in a row, the design aside, of which none moved the front; 0: never.
    std::size_t patience = 0;
    std::uint64_t seed = 0;

    friend bool operator==(const surrogate_search_options&, const surrogate_search_options&) = default;
};

/// A search for few and expensive evaluations: models of the objectives say where to look. After a design in which each
/// alternative of a gene is taken equally often, a batch is looked for as by BOSHCODE ("CODEBench", Tuli and others, 2022;
/// in TransCODE, Tuli and Jha, 2023): mostly for what improves on the front if the lower confidence bounds are true,
/// sometimes for the greatest epistemic deviation, sometimes at random. Candidates are changed genomes of the front, random
/// ones, and what descents over relaxed inputs (gobi) lead to from the best of these. A descent is for one weighted cost
/// (tchebycheff), the weights change from one candidate to the next (ParEGO, Knowles, 2006), but each objective has a model
/// of its own. Of the candidates that with the greatest maximin_improvement is asked for, and then believed to cost what is
/// expected, so that a batch spreads. No candidate is asked for twice.
///
/// Infeasible candidates are kept, and their likelihood, by a Gaussian process, has a price; a Model that learns from them,
/// too, is given them (network_ensemble, PRIME). What cannot be built must be told as infeasible, not as very expensive: one
/// enormous cost leaves a model no sight of the others, and beyond 1e150 no model is fitted and candidates are random.
///
/// A batch_search: deterministic by the seed and the width of the batches on a build; another build may round otherwise.
///
/// @code
/// lutra::surrogate_search<12, 2> search{lutra::choice_encoding<12>{space}, {.seed = 1}};
/// lutra::run_search<4>(search, problem, {.evaluations = 200});
/// for (const std::size_t i : search.log().front()) use(search.log()[i]);
/// @endcode
template <std::size_t Capacity, std::size_t Objectives, surrogate_model Model = gaussian_process>
requires(Objectives >= 1) class surrogate_search {
public:
    using genome = choice_genome<Capacity>;
    static constexpr std::size_t objective_count = Objectives;

    /// Panics for a design of fewer than 2, rates outside of [0, 1] or of more than 1 together, fewer than 4 evaluations to
    /// learn from, or a growth of less than 1.
    explicit surrogate_search(choice_encoding<Capacity> encoding, const surrogate_search_options& options = {})
        : surrogate_search{encoding, options, usual_model(encoding)} {}
    /// @param prototype the model of each objective is a copy of it; a Gaussian process should have `encoding.length_of()`
    surrogate_search(choice_encoding<Capacity> encoding, const surrogate_search_options& options, const Model& prototype)
        : options_{options},
          random_{options.seed},
          models_{std::move(encoding), prototype, options.most_trained, options.refit_growth} {
        require(options.design >= 2, panic_code::bad_argument, "a surrogate search begins with 2 evaluations or more",
                static_cast<long long>(options.design), 2);
        require(options.uncertain_rate >= 0 && options.random_rate >= 0 && options.uncertain_rate + options.random_rate <= 1,
                panic_code::bad_argument, "the rates of a surrogate search lie in [0, 1], together too");
        require(options.most_trained >= 4 && options.refit_growth >= 1, panic_code::bad_argument,
                "models learn at least 4 evaluations, and are fitted anew when there are more");
        design_ = detail::latin_design(space(), options.design, random_);
    }

    /// Asks for candidates; for none after its patience, or where all were asked for.
    std::size_t ask(std::span<genome> out) {
        if (converged()) return 0;
        pool_.clear();
        bool learnt = false;
        for (std::size_t n = 0; n < out.size(); ++n) {
            std::optional<genome> next = from_design();
            if (!next) {
                if (!std::exchange(learnt, true)) models_.learn(log_);
                next = propose();
            }
            if (!next) return n;
            taken_.insert(key(*next));
            out[n] = *next;
        }
        return out.size();
    }
    /// Learns what candidates cost; also some that were not asked for, such as those of an earlier run. Panics for another
    /// number of costs, or a genome of another space.
    void tell(std::span<const genome> asked, std::span<const objectives<Objectives>> costs) {
        require(asked.size() == costs.size(), panic_code::bad_shape, "a search is told the costs of all it asked for",
                static_cast<long long>(costs.size()), static_cast<long long>(asked.size()));
        for (std::size_t i = 0; i < asked.size(); ++i) {
            require(space().contains(asked[i]), panic_code::bad_argument, "this genome is not of the searched space");
            taken_.insert(key(asked[i]));
            const bool moved = log_.add(asked[i], costs[i]);
            in_vain_ = moved || log_.size() <= options_.design ? 0 : in_vain_ + 1;
        }
    }

    /// All evaluations, the infeasible too, and the front.
    [[nodiscard]] const evaluation_log<Capacity, Objectives>& log() const noexcept { return log_; }
    /// Whether its patience has ended.
    [[nodiscard]] bool converged() const noexcept { return options_.patience > 0 && in_vain_ >= options_.patience; }
    /// The models of the objectives, as of the last ask.
    [[nodiscard]] const std::vector<Model>& models() const noexcept { return models_.models(); }

private:
    using models_type = detail::objective_models<Capacity, Objectives, Model>;
    using candidate = typename models_type::candidate;

    static Model usual_model(const choice_encoding<Capacity>& encoding) {
        if constexpr (std::same_as<Model, gaussian_process>)
            return gaussian_process{{.length_of = encoding.length_of()}};
        else
            return Model{};
    }
    [[nodiscard]] const choice_space<Capacity>& space() const noexcept { return models_.encoding().space(); }
    [[nodiscard]] static std::vector<std::uint16_t> key(const genome& g) { return {g.begin(), g.end()}; }
    [[nodiscard]] bool taken(const genome& g) const { return taken_.contains(key(g)); }

    std::optional<genome> from_design() {
        while (designed_ < design_.size()) {
            const genome& g = design_[designed_++];
            if (!taken(g)) return g;
        }
        return {};
    }
    std::optional<genome> propose() {
        const double kind = random_.unit();
        if (!models_.ready() || kind < options_.random_rate) return stranger();
        if (pool_.empty()) fill_pool();
        std::erase_if(pool_, [&](const candidate& c) { return taken(c.genome); });
        const tchebycheff<Objectives> one = next_weights();
        if (kind < options_.random_rate + options_.uncertain_rate)
            return choose([&](const candidate& c) {
                double unknown = 0;
                for (std::size_t j = 0; j < Objectives; ++j) unknown += c.at[j].epistemic / one.range[j];
                return unknown;
            });
        descend(one);
        return choose([&](const candidate& c) { return maximin_improvement(front_, c.bounds(options_.bound), one.range); });
    }
    /// A random candidate that was not asked for, if there is one.
    std::optional<genome> stranger() {
        for (int attempt = 0; attempt < 20; ++attempt)
            if (const genome g = space().sample(random_); !taken(g)) return g;
        const std::uint64_t size = space().size(), first = random_.below(size);
        for (std::uint64_t i = 0; i < size; ++i) // at most as many as were asked for
            if (const genome g = space().at(first < size - i ? first + i : first - (size - i)); !taken(g)) return g;
        return {};
    }
    /// Changed genomes of the front, in turn, and random ones.
    void fill_pool() {
        std::vector<genome> genomes;
        std::set<std::vector<std::uint16_t>> seen;
        const auto keep = [&](const genome& g) {
            if (!taken(g) && seen.insert(key(g)).second) genomes.push_back(g);
        };
        const change_choices<choice_space<Capacity>> change{space()};
        for (std::size_t i = 0; i < options_.mutants; ++i) {
            genome g = log_[log_.front()[i % log_.front().size()]].genome;
            change(g, random_);
            keep(g);
        }
        for (std::size_t i = 0; i < options_.strangers; ++i) keep(space().sample(random_));
        pool_ = models_.foresee(genomes);
        front_.clear();
        for (const std::size_t i : log_.front()) front_.push_back(log_[i].costs);
    }
    /// Adds to the pool where descents from its best lead to.
    void descend(const tchebycheff<Objectives>& one) {
        std::vector<std::pair<double, std::size_t>> order;
        for (std::size_t i = 0; i < pool_.size(); ++i)
            order.emplace_back(one(pool_[i].bounds(options_.bound)) + options_.infeasible_price * pool_[i].infeasible, i);
        std::sort(order.begin(), order.end());
        std::vector<genome> found;
        for (std::size_t i = 0; i < std::min(options_.starts, order.size()); ++i) {
            const auto [end, value] = gobi(
                [&](const Eigen::VectorXd& x) {
                    return models_.acquisition(x, one, options_.bound, options_.infeasible_price);
                },
                models_.encoding().encode(pool_[order[i].second].genome), options_.descent);
            if (const genome g = models_.encoding().nearest(end); !taken(g)) found.push_back(g);
        }
        for (candidate& c : models_.foresee(found)) pool_.push_back(std::move(c));
    }
    /// The best of the pool, which from now on is believed to cost what is expected of it.
    template <class Merit>
    std::optional<genome> choose(const Merit& merit) {
        if (pool_.empty()) return stranger();
        const auto value = [&](const candidate& c) { return merit(c) - options_.infeasible_price * c.infeasible; };
        const auto best = std::max_element(pool_.begin(), pool_.end(),
                                           [&](const candidate& a, const candidate& b) { return value(a) < value(b); });
        front_.push_back(best->means());
        return best->genome;
    }
    /// The next weights, in units of the front; where it has no extent, of all that is feasible.
    tchebycheff<Objectives> next_weights() {
        tchebycheff<Objectives> one{.weight = weights_.next()};
        for (std::size_t j = 0; j < Objectives; ++j) {
            double least = std::numeric_limits<double>::infinity(), most = -least;
            for (const std::vector<std::size_t>* entries : {&log_.front(), &log_.feasible_entries()}) {
                for (const std::size_t i : *entries) {
                    least = std::min(least, log_[i].costs[j]);
                    most = std::max(most, log_[i].costs[j]);
                }
                if (most > least) break;
            }
            one.ideal[j] = least;
            one.range[j] = most > least ? most - least : 1;
        }
        return one;
    }

    surrogate_search_options options_;
    random_generator random_;
    models_type models_;
    evaluation_log<Capacity, Objectives> log_;
    std::set<std::vector<std::uint16_t>> taken_; ///< asked for, or told
    std::vector<genome> design_;
    std::size_t designed_ = 0, in_vain_ = 0;
    std::vector<candidate> pool_;               ///< of the batch being asked for
    std::vector<objectives<Objectives>> front_; ///< of the log, and what is believed of the batch being asked for
    weight_sequence<Objectives> weights_;
};

} // namespace lutra
