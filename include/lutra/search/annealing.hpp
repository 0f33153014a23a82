// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/detail/score_arithmetic.hpp>
#include <lutra/search/objectives.hpp>
#include <lutra/search/reward_policy.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace lutra {

/// How an annealing cools, in units of reward, which lies in [0, 1].
struct annealing_options {
    double hottest = 0.05;              ///< the temperature of the first step, 2^-30 to 1
    double coldest = 0.001;             ///< that of the last, 2^-30 to the hottest
    std::uint64_t evaluations = 10'000; ///< of all chains, from the hottest to the coldest; it stays there; 1 to 2^40
    std::uint64_t seed = 0;

    friend constexpr bool operator==(const annealing_options&, const annealing_options&) = default;
};

/// Simulated annealing (Kirkpatrick, Gelatt and Vecchi, 1983) of @p Chains chains side by side, so that a batch has work for
/// as many workers: a batch_search. Each chain is at a candidate, asks for a mutant of it, and goes there if it is worth no
/// less, or by chance: with probability exp(-loss / temperature). The temperature falls geometrically with the number of
/// candidates told, from the hottest to the coldest. Where there are several objectives, each chain may weigh them its own
/// way, so that together they go for all of a Pareto front (spread_rewards).
///
/// * Infeasible candidates are taken only where the chain is at one.
/// * A chain has one candidate at a time: a batch has at most Chains of them; smaller ones take turns.
/// * Losses and temperatures are compared as integers: the same search on every machine. A copy is a checkpoint.
///
/// @tparam Initialise `initialise(random)` makes a genome: sample_space
/// @tparam Mutate `mutate(genome, random)` changes one: change_choices
///
/// @code
/// using space = lutra::choice_space<12>;
/// lutra::annealing<lutra::sample_space<space>, lutra::change_choices<space>, lutra::ranged_reward<2>, 16> search{
///     {layers}, {layers}, lutra::spread_rewards<2, 16>(), {.evaluations = 5'000, .seed = 1}};
/// lutra::run_search<16>(search, problem, {.evaluations = 5'000});
/// @endcode
template <class Initialise, class Mutate, rating_reward Reward, std::size_t Chains>
requires(Chains >= 1) class annealing {
public:
    using genome = std::invoke_result_t<const Initialise&, random_generator&>;
    static constexpr std::size_t objective_count = Reward::objective_count;
    static constexpr std::size_t chains = Chains;

    /// A chain for each of @p rewards. Panics where an option lies outside its range.
    constexpr annealing(Initialise initialise, Mutate mutate, const std::array<Reward, Chains>& rewards,
                        const annealing_options& options = {})
        : initialise_{std::move(initialise)},
          mutate_{std::move(mutate)},
          rewards_{rewards},
          options_{options},
          random_{options.seed} {
        const auto in_range = [](double t, double most) { return t >= 0x1p-30 && t <= most; };
        require(in_range(options.hottest, 1) && in_range(options.coldest, options.hottest), panic_code::bad_argument,
                "the temperatures of an annealing lie in [2^-30, 1], the coldest not above the hottest");
        require(options.evaluations >= 1 && options.evaluations <= std::uint64_t{1} << 40, panic_code::bad_argument,
                "an annealing cools over 1 to 2^40 evaluations");
    }
    /// All chains by one reward.
    constexpr annealing(Initialise initialise, Mutate mutate, const Reward& reward, const annealing_options& options = {})
        : annealing(std::move(initialise), std::move(mutate), all(reward, std::make_index_sequence<Chains>{}), options) {}

    /// Asks for a candidate of each chain, as many as there is room for, the chains taking turns. Panics where the batch
    /// before has not been told.
    constexpr std::size_t ask(std::span<genome> out) {
        require(asked_ == 0, panic_code::bad_argument, "an annealing must be told a batch before it asks for the next",
                static_cast<long long>(asked_));
        asked_ = out.size() < Chains ? out.size() : Chains;
        for (std::size_t i = 0; i < asked_; ++i) {
            const chain& c = chain_[(turn_ + i) % Chains];
            if (c.told == 0) {
                out[i] = initialise_(random_);
            } else {
                out[i] = c.at;
                mutate_(out[i], random_);
            }
        }
        return asked_;
    }
    /// Takes what the batch costs. Panics where it is not as many as were asked for.
    constexpr void tell(std::span<const genome> asked, std::span<const objectives<objective_count>> costs) {
        require(asked.size() == asked_ && costs.size() == asked_, panic_code::bad_shape,
                "an annealing is told all that it asked for", static_cast<long long>(asked.size()),
                static_cast<long long>(asked_));
        for (std::size_t i = 0; i < asked_; ++i, turn_ = (turn_ + 1) % Chains) {
            if (feasible(costs[i])) // every chain may learn the range of the costs from all of them
                for (Reward& reward : rewards_) static_cast<void>(reward(costs[i]));
            chain& c = chain_[turn_];
            const Reward& reward = rewards_[turn_];
            if (c.told == 0 || moves(reward, c.costs, costs[i])) c.at = asked[i], c.costs = costs[i];
            if (c.told == 0 || score(reward, costs[i]) > score(reward, c.best_costs) || !feasible(c.best_costs))
                c.best = asked[i], c.best_costs = costs[i];
            ++c.told;
            ++told_;
        }
        asked_ = 0;
    }

    /// The candidate of the greatest reward of a chain, as it rates them by now. Panics before its first.
    [[nodiscard]] constexpr const genome& best(std::size_t of_chain = 0) const { return known(of_chain).best; }
    /// What it costs.
    [[nodiscard]] constexpr const objectives<objective_count>& best_costs(std::size_t of_chain = 0) const {
        return known(of_chain).best_costs;
    }
    /// Where a chain is. Panics before its first candidate.
    [[nodiscard]] constexpr const genome& at(std::size_t of_chain) const { return known(of_chain).at; }

private:
    struct chain {
        genome at{}, best{};
        objectives<objective_count> costs{}, best_costs{};
        std::uint64_t told = 0;
    };

    template <std::size_t... I>
    static constexpr std::array<Reward, Chains> all(const Reward& reward, std::index_sequence<I...>) {
        return {(static_cast<void>(I), reward)...};
    }
    [[nodiscard]] constexpr const chain& known(std::size_t i) const {
        require(i < Chains, panic_code::out_of_range, "an annealing has no such chain", static_cast<long long>(i),
                static_cast<long long>(Chains));
        require(chain_[i].told > 0, panic_code::empty, "a chain that was told nothing is at no candidate");
        return chain_[i];
    }
    [[nodiscard]] static constexpr std::uint64_t score(const Reward& reward, const objectives<objective_count>& costs) {
        return feasible(costs) ? detail::score_of(static_cast<double>(reward.rate(costs))) : 0;
    }
    /// log2 of the temperature in units of scores, in 2^-16.
    [[nodiscard]] constexpr std::uint64_t log2_temperature() const noexcept {
        const std::uint64_t hot = detail::log2_q16(detail::score_of(options_.hottest)),
                            cold = detail::log2_q16(detail::score_of(options_.coldest)),
                            steps = told_ < options_.evaluations ? told_ : options_.evaluations;
        return hot - (hot - cold) * steps / options_.evaluations;
    }
    /// Whether a chain leaves one candidate for another.
    constexpr bool moves(const Reward& reward, const objectives<objective_count>& from,
                         const objectives<objective_count>& to) {
        if (!feasible(to) || !feasible(from)) return !feasible(from);
        const std::uint64_t now = score(reward, from), then = score(reward, to);
        if (then >= now) return true;
        const std::uint64_t u = random_() >> 11; // uniform in [0, 2^53): loss < -temperature ln(u / 2^53)
        if (u == 0) return true;
        const std::uint64_t minus_ln = ((std::uint64_t{53} << 16) - detail::log2_q16(u)) * detail::ln2_q16; // in 2^-32
        return detail::log2_q16(now - then) + (std::uint64_t{32} << 16) < log2_temperature() + detail::log2_q16(minus_ln);
    }

    Initialise initialise_;
    Mutate mutate_;
    std::array<Reward, Chains> rewards_;
    annealing_options options_;
    random_generator random_;
    std::array<chain, Chains> chain_{};
    std::size_t asked_ = 0, turn_ = 0;
    std::uint64_t told_ = 0;
};

} // namespace lutra
