// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/detail/guided_tree.hpp>
#include <lutra/search/detail/score_arithmetic.hpp>
#include <lutra/search/objectives.hpp>
#include <lutra/search/reward_policy.hpp>
#include <lutra/search/sequential_space.hpp>
#include <lutra/search/tree_policies.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace lutra {

/// How a tree search grows its tree.
struct mcts_options {
    progressive_widening widening{};
    std::uint32_t virtual_loss = 1; ///< visits without reward that stand on a path until its candidate is told; 1 to 65,536
    std::uint64_t seed = 0;

    friend constexpr bool operator==(const mcts_options&, const mcts_options&) = default;
};

/// What a tree search knows of the candidates that begin alike.
struct branch_value {
    std::uint64_t visits = 0; ///< candidates told, and between an `ask` and its `tell` virtual losses
    double mean = 0;          ///< their mean reward

    friend constexpr bool operator==(const branch_value&, const branch_value&) = default;
};

/// Monte Carlo tree search (Kocsis and Szepesvari, 2006; Coulom, 2007) for the best of a space of choices that are made one
/// after the other: a batch_search. Each candidate descends the tree by @p Select, opens a new node, chooses the rest at
/// random by the weights of @p Prior, and its reward is added to all nodes above. A batch is asked for before any of it is
/// told: each descent leaves visits without reward on its way, a virtual loss (Chaslot and others, 2008), so that the next
/// one goes elsewhere; `tell` takes them off again.
///
/// * No candidate is asked for twice, and `ask` returns 0 once all were, as long as the tree has room: one or two nodes a
///   candidate. A full tree grows no more: it is descended as far as it goes, and what follows is chosen at random, so that
///   candidates without a node of their own may come again, and `ask` goes on.
/// * Where the space has keys (keyed_space), rows of choices that come to the same share a node, and a candidate whose like
///   is known is not asked: it takes its reward. A shared node's mean is that of all ways to it, its visits are counted for
///   each way: UCT2 of Childs, Brodeur and Kocsis (2008).
/// * Infeasible candidates have reward 0.
/// * Scores are integers: the same search on every machine, and at compile time. A copy of the object is a checkpoint.
///
/// The object holds the tree: 56 bytes and 2 a gene for each node (with keys 96 to 192 more), some megabytes for 100,000,
/// which belong on the heap: `std::make_unique<search>(...)`.
///
/// @tparam Nodes at least 2
/// @tparam Width the largest batch
///
/// @code
/// using search = lutra::mcts<lutra::choice_space<12>, lutra::weighted_reward<2>, 20'000>;
/// auto tree = std::make_unique<search>(space, reward, lutra::mcts_options{.seed = 1});
/// lutra::run_search<16>(*tree, problem, {.evaluations = 10'000});
/// use(tree->best());
/// @endcode
template <sequential_space Space, reward_policy Reward, std::size_t Nodes, std::size_t Width = 64, tree_policy Select = uct,
          tree_prior Prior = uniform_prior>
requires(Nodes >= 2 && Nodes < detail::no_index && Width >= 1) class mcts {
    using guide = detail::guided_tree<Space, Nodes, Select, Prior>;
    using way = typename guide::way;

public:
    using genome = typename Space::genome;
    static constexpr std::size_t objective_count = Reward::objective_count;

    /// Panics where an option or the constant of @p select lies outside its range, or there is nothing to choose.
    constexpr mcts(Space space, Reward reward, const mcts_options& options = {}, Select select = {}, Prior prior = {})
        : tree_{std::move(space), std::move(select), std::move(prior), options.widening, random_generator{options.seed}},
          reward_{std::move(reward)},
          virtual_loss_{options.virtual_loss} {
        detail::check_space(tree_.space);
        tree_.select.check();
        tree_.widening.check();
        require(virtual_loss_ >= 1 && virtual_loss_ <= 65'536, panic_code::bad_argument,
                "a virtual loss is 1 to 65,536 visits", virtual_loss_);
        root().branches = tree_.branches(way{});
        require(root().branches > 0, panic_code::empty, "a tree search needs something to choose");
    }

    /// Asks for candidates none of which was asked before. Fewer than there is room for where those that are left, or Width,
    /// are fewer; none where all are known. Panics where the batch before has not been told.
    constexpr std::size_t ask(std::span<genome> out) {
        require(asked_ == 0, panic_code::bad_argument, "a tree search must be told a batch before it asks for the next",
                static_cast<long long>(asked_));
        int repeats = 0; // candidates one after the other that were known
        for (way w{}; asked_ < out.size() && ways_ < Width && tree_.descend(w, {ways_waiting_.data(), ways_});) {
            tree_.roll_out(w);
            const detail::transposition known = repeats < most_repeats ? tree_.recall(w) : detail::transposition{};
            if (known.what == detail::known_as::reward) {
                tree_.visit(w, 1);
                tree_.reward(w, known.value, 1);
                if (full()) ++repeats; // else the tree has grown, and the candidate comes no more
                continue;
            }
            repeats = 0;
            tree_.visit(w, virtual_loss_);
            const bool is_new = known.what != detail::known_as::asked;
            w.asked = is_new ? asked_ : static_cast<std::size_t>(known.value);
            if (w.leaf != detail::no_index) {
                tree_.tree.node(w.leaf).waits_for = static_cast<std::uint32_t>(ways_);
                tree_.remember(w, detail::known_as::asked, w.asked);
            }
            ways_waiting_[ways_++] = w;
            if (is_new) out[asked_++] = tree_.space.genome_of(w.choices());
        }
        return asked_;
    }
    /// Takes what the batch costs. Panics where it is not as many as were asked for.
    constexpr void tell(std::span<const genome> asked, std::span<const objectives<objective_count>> costs) {
        require(asked.size() == asked_ && costs.size() == asked_, panic_code::bad_shape,
                "a tree search is told all that it asked for", static_cast<long long>(asked.size()),
                static_cast<long long>(asked_));
        std::array<std::uint64_t, Width> score{};
        for (std::size_t i = 0; i < asked_; ++i) {
            const bool can_be = feasible(costs[i]);
            score[i] = can_be ? detail::score_of(static_cast<double>(reward_(costs[i]))) : 0;
            if constexpr (rating_reward<Reward>) // what the best is worth by now
                if (best_feasible_) best_score_ = detail::score_of(static_cast<double>(reward_.rate(best_costs_)));
            if (evaluations_++ == 0 || score[i] > best_score_ || (can_be && !best_feasible_)) {
                best_ = asked[i];
                best_feasible_ = can_be;
                best_costs_ = costs[i];
                best_score_ = score[i];
            }
        }
        for (std::size_t v = 0; v < ways_; ++v) {
            const way& w = ways_waiting_[v];
            tree_.reward(w, score[w.asked], virtual_loss_);
            if (w.leaf == detail::no_index) continue;
            tree_.tree.node(w.leaf).waits_for = detail::no_index;
            tree_.remember(w, detail::known_as::reward, score[w.asked]);
        }
        asked_ = ways_ = 0;
    }

    /// The candidate of the greatest reward, the first of several; where the reward can rate what was told before, by what
    /// it is worth by now. Panics before the first.
    [[nodiscard]] constexpr const genome& best() const {
        require(evaluations_ > 0, panic_code::empty, "a tree search that was told nothing has no best");
        return best_;
    }
    /// What the best costs.
    [[nodiscard]] constexpr const objectives<objective_count>& best_costs() const {
        require(evaluations_ > 0, panic_code::empty, "a tree search that was told nothing has no best");
        return best_costs_;
    }
    /// The candidate at the end of the way that takes the most visited child of each node. Panics before the first.
    [[nodiscard]] constexpr genome most_visited() const {
        require(nodes() > 1, panic_code::empty, "a tree search that asked for nothing has no most visited candidate");
        const auto& tree = tree_.tree;
        way w{};
        std::uint32_t at = 0;
        for (std::uint32_t e; (e = tree.most_visited(at)) != detail::no_index; at = tree.edge(e).node)
            w.append(tree.edge(e).choice);
        while (w.chosen.length < tree.first[at].length) w.append(tree.first[at][w.chosen.length]);
        return tree_.space.genome_of(w.choices());
    }
    /// What is known of the candidates that begin with these choices; nothing where the tree has no node for them.
    [[nodiscard]] constexpr branch_value value(std::span<const std::uint16_t> chosen) const {
        const auto& tree = tree_.tree;
        std::uint32_t at = 0;
        for (const std::uint16_t choice : chosen) {
            std::uint32_t e = tree.node(at).first_edge;
            while (e != detail::no_index && tree.edge(e).choice != choice) e = tree.edge(e).next;
            if (e == detail::no_index) return {};
            at = tree.edge(e).node;
        }
        const auto& node = tree.node(at);
        if (node.visits == 0) return {};
        return {node.visits, static_cast<double>(node.total) * 0x1p-32 / static_cast<double>(node.visits)};
    }
    /// How many nodes the tree has, the root included.
    [[nodiscard]] constexpr std::size_t nodes() const noexcept { return tree_.tree.nodes(); }
    /// Whether the tree grows no more.
    [[nodiscard]] constexpr bool full() const noexcept { return tree_.tree.full(); }
    /// Whether an `ask` found nothing left to ask for.
    [[nodiscard]] constexpr bool exhausted() const noexcept { return tree_.tree.node(0).exhausted; }
    /// How many candidates were told.
    [[nodiscard]] constexpr std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] constexpr const Reward& reward() const noexcept { return reward_; }

private:
    static constexpr int most_repeats = 16;

    constexpr detail::tree_node& root() noexcept { return tree_.tree.node(0); }

    guide tree_;
    Reward reward_;
    std::uint32_t virtual_loss_;
    std::array<way, Width> ways_waiting_{};
    std::size_t ways_ = 0, asked_ = 0;
    std::uint64_t evaluations_ = 0, best_score_ = 0;
    genome best_{};
    objectives<objective_count> best_costs_{};
    bool best_feasible_ = false;
};

} // namespace lutra
