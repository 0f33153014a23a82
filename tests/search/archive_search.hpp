// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/random.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/concept.hpp>
#include <lutra/search/objectives.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

/// @file
/// A small search and its problem, for what runs searches: executors and journals.

/// Eight choices of one in six; costs that are no round numbers and pull apart, some infeasible.
struct eight_choices {
    using genome = lutra::choice_genome<8>;
    static constexpr lutra::choice_space<8> space{.alternatives = {6, 6, 6, 6, 6, 6, 6, 6}, .length = 8};

    static lutra::objectives<2> evaluate(const genome& g) {
        lutra::objectives<2> costs{};
        unsigned sum = 0;
        for (std::size_t i = 0; i < g.size(); ++i) {
            const double gene = g[i], place = static_cast<double>(i + 1);
            costs[0] += gene * gene / (2 + place);
            costs[1] += (5 - gene) * (5 - gene) * place / 7;
            sum += g[i];
        }
        return sum % 7 == 3 ? lutra::infeasible<2>() : costs;
    }
};

/// Keeps all that nothing dominates, in the order in which it came, and asks for mutations of it.
class archive_search {
public:
    using genome = eight_choices::genome;
    using evaluation = std::pair<genome, lutra::objectives<2>>;
    static constexpr std::size_t objective_count = 2;

    explicit archive_search(std::uint64_t seed) : random_{seed} {}

    std::size_t ask(std::span<genome> out) {
        for (genome& g : out) {
            if (archive_.size() < 4 || random_.below(8) == 0) {
                g = eight_choices::space.sample(random_);
                continue;
            }
            g = archive_[static_cast<std::size_t>(random_.below(archive_.size()))].first;
            lutra::change_choices<lutra::choice_space<8>>{eight_choices::space}(g, random_);
        }
        return out.size();
    }
    void tell(std::span<const genome> asked, std::span<const lutra::objectives<2>> costs) {
        for (std::size_t i = 0; i < asked.size(); ++i) {
            bool wanted = lutra::feasible(costs[i]);
            for (const auto& [g, known] : archive_) wanted = wanted && !lutra::dominates(known, costs[i]) && g != asked[i];
            if (!wanted) continue;
            std::erase_if(archive_, [&](const evaluation& known) { return lutra::dominates(costs[i], known.second); });
            archive_.emplace_back(asked[i], costs[i]);
        }
    }
    const std::vector<evaluation>& front() const { return archive_; }

private:
    lutra::random_generator random_;
    std::vector<evaluation> archive_;
};
static_assert(lutra::batch_search<archive_search> && lutra::objectives_problem<eight_choices>);
