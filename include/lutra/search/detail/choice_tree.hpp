// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/choices.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace lutra::detail {

inline constexpr std::uint32_t no_index = std::numeric_limits<std::uint32_t>::max();

/// What is known of the candidates that begin with one row of choices.
struct tree_node {
    std::uint64_t total = 0;                ///< of the rewards of all candidates told below
    std::uint32_t visits = 0;               ///< at least 1 but for the root; virtual losses count
    std::uint32_t first_edge = no_index;    ///< of the children, in the order of their choices
    std::uint32_t waits_for = no_index;     ///< a leaf's own candidate has been asked: the number of that visit
    std::uint16_t branches = 0, opened = 0; ///< alternatives and children; a leaf has none of either yet
    bool exhausted = false;                 ///< nothing below is left to ask
};

/// A choice that leads from a node to another. Several may lead to one node.
struct tree_edge {
    std::uint32_t node = no_index, next = no_index;
    std::uint32_t visits = 0; ///< through this edge
    std::uint16_t choice = 0;
};

/// A tree over rows of at most @p Depth choices, in @p Places places, each with room for a node and the edge for which it
/// was made, side by side in memory: a score takes both. An edge to a node that was there leaves the rest of its place
/// empty. Node 0 is the root. Each other node is made for one candidate, its first; that candidate gets a node of its own
/// further down only when the node is visited again. So each candidate that was asked is in the tree, at one or two nodes a
/// candidate.
template <std::size_t Depth, std::size_t Places>
class choice_tree {
public:
    std::array<choice_genome<Depth>, Places> first{}; ///< the candidate for which a node was made

    [[nodiscard]] constexpr tree_node& node(std::uint32_t i) noexcept { return place_[i].node; }
    [[nodiscard]] constexpr const tree_node& node(std::uint32_t i) const noexcept { return place_[i].node; }
    [[nodiscard]] constexpr tree_edge& edge(std::uint32_t i) noexcept { return place_[i].edge; }
    [[nodiscard]] constexpr const tree_edge& edge(std::uint32_t i) const noexcept { return place_[i].edge; }
    [[nodiscard]] constexpr std::size_t nodes() const noexcept { return nodes_; }
    [[nodiscard]] constexpr bool full() const noexcept { return taken_ == Places; }

    /// Lets @p choice lead from a node to a new leaf for @p candidate, which it did not before; not in a full tree.
    constexpr std::uint32_t add_leaf(std::uint32_t from, std::uint16_t choice, const choice_genome<Depth>& candidate) {
        first[taken_] = candidate;
        ++nodes_;
        return add_edge(from, choice, taken_);
    }
    /// Lets @p choice lead from a node to another, which it did not before; not in a full tree.
    constexpr std::uint32_t add_edge(std::uint32_t from, std::uint16_t choice, std::uint32_t to) {
        std::uint32_t* next = &node(from).first_edge;
        while (*next != no_index && edge(*next).choice < choice) next = &edge(*next).next;
        edge(taken_) = {.node = to, .next = *next, .visits = 0, .choice = choice};
        *next = taken_;
        ++node(from).opened;
        return taken_++;
    }
    /// Calls @p see(alternative) for each alternative of a node that has no child, in order, until it returns false.
    template <class See>
    constexpr void for_each_untried(std::uint32_t at, See see) const {
        std::uint32_t e = node(at).first_edge;
        for (std::size_t a = 0; a < node(at).branches; ++a)
            if (e != no_index && edge(e).choice == a)
                e = edge(e).next;
            else if (!see(a))
                return;
    }
    /// The child with the most visits through its edge, the first of several; no_index in a leaf.
    [[nodiscard]] constexpr std::uint32_t most_visited(std::uint32_t at) const noexcept {
        std::uint32_t best = no_index;
        for (std::uint32_t e = node(at).first_edge; e != no_index; e = edge(e).next)
            if (best == no_index || edge(e).visits > edge(best).visits) best = e;
        return best;
    }

private:
    struct place {
        tree_edge edge{};
        tree_node node{};
    };
    std::array<place, Places> place_{};
    std::uint32_t taken_ = 1, nodes_ = 1;
};

} // namespace lutra::detail
