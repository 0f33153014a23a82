// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/detail/choice_tree.hpp>
#include <lutra/search/detail/transpositions.hpp>
#include <lutra/search/detail/tree_way.hpp>
#include <lutra/search/detail/weighted_choice.hpp>
#include <lutra/search/sequential_space.hpp>
#include <lutra/search/tree_policies.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

namespace lutra::detail {

struct nothing_known {};

/// The tree of a Monte Carlo tree search with the policies by which it is descended.
template <sequential_space Space, std::size_t Nodes, tree_policy Select, tree_prior Prior>
struct guided_tree {
    static constexpr std::size_t depth = Space::capacity;
    static constexpr bool keyed = keyed_space<Space>;
    using way = tree_way<depth>;

    Space space;
    Select select;
    Prior prior;
    progressive_widening widening;
    random_generator random;
    choice_tree<depth, Nodes> tree{};
    [[no_unique_address]] std::conditional_t<keyed, transposition_table<Nodes>, nothing_known> table{};

    /// How many alternatives follow the choices of @p w. Panics where the space has more than it may.
    [[nodiscard]] constexpr std::uint16_t branches(const way& w) const {
        const auto count = static_cast<std::size_t>(space.branches(w.choices()));
        require(count == 0 || w.chosen.length < depth, panic_code::out_of_range,
                "a space has more choices one after the other than its capacity", static_cast<long long>(depth));
        require(count <= std::numeric_limits<std::uint16_t>::max(), panic_code::out_of_range,
                "a space has more alternatives in one place than 65,535", static_cast<long long>(count));
        return static_cast<std::uint16_t>(count);
    }
    /// Goes from the root to a new leaf, or as far as a full tree goes. False where nothing is left.
    ///
    /// @param waiting the ways of candidates that were asked and not told
    constexpr bool descend(way& w, std::span<way> waiting) {
        while (!tree.node(0).exhausted) {
            w = {};
            if (go_down(w, waiting)) return true;
        }
        return false;
    }
    /// Chooses what is left to choose, by the prior's weights.
    constexpr void roll_out(way& w) {
        const std::size_t start = w.chosen.length;
        bool forced = true;
        for (int attempt = 0; attempt < 8; ++attempt) {
            w.chosen.length = start;
            for (std::uint16_t count; (count = branches(w)) != 0;) {
                forced = forced && count == 1;
                w.append(count == 1 ? 0 : weighted_choice(prior, w.choices(), std::size_t{count}, random));
            }
            if (w.crowded == no_index || !same_end(tree.first[w.crowded], w.chosen, start)) break;
        }
        if (w.leaf == no_index) return;
        tree.first[w.leaf] = w.chosen;
        tree.node(w.leaf).exhausted = forced;
    }
    /// Counts @p visits on a way.
    constexpr void visit(const way& w, std::uint32_t visits) {
        tree.node(0).visits += visits;
        for (std::size_t i = 0; i < w.edges; ++i) {
            tree.edge(w.edge[i]).visits += visits;
            tree.node(tree.edge(w.edge[i]).node).visits += visits;
        }
    }
    /// Adds a reward to a way, and leaves one of its last @p visits.
    constexpr void reward(const way& w, std::uint64_t score, std::uint32_t visits) {
        tree.node(0).total += score;
        tree.node(0).visits -= visits - 1;
        for (std::size_t i = 0; i < w.edges; ++i) {
            tree_edge& e = tree.edge(w.edge[i]);
            e.visits -= visits - 1;
            tree.node(e.node).total += score;
            tree.node(e.node).visits -= visits - 1;
        }
    }
    /// What is known of a candidate's like; of those that the tree has room for.
    [[nodiscard]] constexpr transposition recall([[maybe_unused]] const way& w) {
        if constexpr (keyed)
            return table.find(space.key(w.choices()), w.chosen.length, true);
        else
            return {};
    }
    constexpr void remember([[maybe_unused]] const way& w, [[maybe_unused]] known_as what,
                            [[maybe_unused]] std::uint64_t value) {
        if constexpr (keyed) table.put(space.key(w.choices()), w.chosen.length, what, value);
    }

private:
    static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

    /// Where to go from a node: along an edge, to an untried alternative, or nowhere.
    struct step {
        std::uint32_t edge = no_index;
        std::size_t alternative = nobody;
    };

    /// False where a node turned out to have nothing left: the next attempt knows.
    constexpr bool go_down(way& w, std::span<way> waiting) {
        for (std::uint32_t at = 0; !tree.node(at).exhausted;) {
            if (tree.node(at).branches == 0 && !unfold(at, w, waiting)) {
                w.crowded = at;
                return true;
            }
            step next = choose(at, w);
            if (next.edge == no_index && next.alternative == nobody) {
                tree.node(at).exhausted = true;
                return false;
            }
            w.append(next.edge == no_index ? next.alternative : tree.edge(next.edge).choice);
            if (next.edge == no_index) {
                if (tree.full()) return true;
                const auto choice = static_cast<std::uint16_t>(next.alternative);
                const std::uint32_t known = known_node(w);
                if (known == no_index) {
                    w.leaf = w.edge[w.edges++] = add_leaf(at, choice, w, {});
                    return true;
                }
                next.edge = tree.add_edge(at, choice, known);
            }
            w.edge[w.edges++] = next.edge;
            at = tree.edge(next.edge).node;
        }
        return false;
    }
    /// Gives a leaf's candidate, which is not all there is below, a node of its own. False where the tree is full.
    constexpr bool unfold(std::uint32_t at, way w, std::span<way> waiting) {
        if (tree.full()) return false;
        tree.node(at).branches = branches(w);
        const std::uint16_t choice = tree.first[at][w.chosen.length];
        w.append(choice);
        if (const std::uint32_t known = known_node(w); known != no_index) {
            tree.edge(tree.add_edge(at, choice, known)).visits = 1; // that of the leaf
            return true;
        }
        const std::uint32_t to = add_leaf(at, choice, w, tree.first[at]);
        tree_node &from = tree.node(at), &leaf = tree.node(to);
        leaf.visits = tree.edge(to).visits = from.visits;
        leaf.total = from.total;
        std::swap(leaf.waits_for, from.waits_for);
        if (leaf.waits_for != no_index) {
            way& waits = waiting[leaf.waits_for];
            waits.leaf = waits.edge[waits.edges++] = to;
        }
        std::uint16_t count;
        while ((count = branches(w)) == 1) w.append(0);
        leaf.exhausted = count == 0;
        return true;
    }
    [[nodiscard]] constexpr step choose(std::uint32_t at, const way& w) {
        const tree_node& here = tree.node(at);
        const bool untried = here.opened < here.branches, may_open = untried && widening.allows(here.opened, here.visits);
        if (Select::untried_first && may_open && !tree.full()) return {.alternative = any_untried(at, w)};
        std::uint64_t weights = 0;
        if constexpr (!Select::untried_first)
            for (std::size_t a = 0; a < here.branches; ++a) weights += weight_of(prior, w.choices(), a);
        const auto share = [&](std::size_t a) -> std::uint64_t {
            if constexpr (Select::untried_first) return 0;
            return weights == 0 ? (std::uint64_t{1} << 24) / here.branches
                                : (weight_of(prior, w.choices(), a) << 24) / weights;
        };
        const std::uint64_t scale = select.scale(here.visits);
        step best{};
        std::uint64_t best_score = 0, visits = 0;
        for (std::uint32_t e = here.first_edge; e != no_index; e = tree.edge(e).next) {
            const tree_node& child = tree.node(tree.edge(e).node);
            visits += tree.edge(e).visits;
            if (child.exhausted) continue;
            const std::uint64_t score =
                child.total / child.visits + select.bonus(scale, tree.edge(e).visits, share(tree.edge(e).choice));
            if (best.edge == no_index || score > best_score) best.edge = e, best_score = score;
        }
        if (may_open) { // where the tree is full, visits of untried alternatives are not counted one by one
            const std::size_t a = tree.full() ? any_untried(at, w) : likeliest_untried(at, w);
            const std::uint64_t mean = here.visits == 0 ? 0 : here.total / here.visits,
                                each = here.visits > visits ? (here.visits - visits) / (here.branches - here.opened) : 0;
            const std::uint64_t score = mean + select.bonus(scale, static_cast<std::uint32_t>(each), share(a));
            if (best.edge == no_index || score > best_score) return {.alternative = a};
        }
        if (best.edge == no_index && untried) return {.alternative = any_untried(at, w)};
        return best;
    }
    [[nodiscard]] constexpr std::size_t any_untried(std::uint32_t at, const way& w) {
        return weighted_choice(
            prior, w.choices(), [&](auto see) { tree.for_each_untried(at, see); }, random);
    }
    /// The untried alternative of the greatest weight; one of several at random.
    [[nodiscard]] constexpr std::size_t likeliest_untried(std::uint32_t at, const way& w) {
        std::uint64_t greatest = 0, count = 0;
        tree.for_each_untried(at, [&](std::size_t a) {
            const std::uint64_t weight = weight_of(prior, w.choices(), a);
            if (weight > greatest) greatest = weight, count = 0;
            count += weight == greatest ? 1 : 0;
            return true;
        });
        std::uint64_t rest = count == 1 ? 0 : random.below(count);
        std::size_t taken = nobody;
        tree.for_each_untried(at, [&](std::size_t a) {
            if (weight_of(prior, w.choices(), a) == greatest) taken = a;
            return taken != a || rest-- != 0;
        });
        return taken;
    }
    /// A leaf at the end of @p w, whose number is also that of its edge.
    constexpr std::uint32_t add_leaf(std::uint32_t from, std::uint16_t choice, const way& w,
                                     const choice_genome<depth>& candidate) {
        const std::uint32_t leaf = tree.add_leaf(from, choice, candidate);
        if constexpr (keyed) table.put(space.key(w.choices()), w.chosen.length, known_as::node, leaf);
        return leaf;
    }
    [[nodiscard]] constexpr std::uint32_t known_node([[maybe_unused]] const way& w) {
        if constexpr (keyed) {
            const transposition& t = table.find(space.key(w.choices()), w.chosen.length, false);
            if (t.what == known_as::node) return static_cast<std::uint32_t>(t.value);
        }
        return no_index;
    }
    [[nodiscard]] static constexpr bool same_end(const choice_genome<depth>& a, const choice_genome<depth>& b,
                                                 std::size_t from) {
        if (a.length != b.length) return false;
        for (std::size_t i = from; i < a.length; ++i)
            if (a[i] != b[i]) return false;
        return true;
    }
};

} // namespace lutra::detail
