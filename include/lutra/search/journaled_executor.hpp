// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/interruption.hpp>
#include <lutra/search/journal.hpp>
#include <lutra/search/run.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lutra {

/// Evaluates what a journal does not hold on another executor, threads or ranks, and adds each batch to the journal before
/// the search is told of it. Candidates that a search asks for twice are evaluated once. The journal is read and written on
/// the calling thread, between batches. A process that is killed loses the batch under way.
///
/// `evaluate` throws search_interrupted when a signal was caught (interruption), when @p Inner threw it, and when the
/// journal cannot be written; what an evaluation threw passes through. What was finished of the batch is in the journal by
/// then.
///
/// @tparam Inner an executor, or one that evaluates itself: `evaluate(problem, genomes, costs)`, which leaves in @p costs
/// what it finished when it throws
template <class Journal, class Inner>
class journaled_executor {
public:
    using genome = typename Journal::genome;
    static constexpr std::size_t objective_count = Journal::objective_count;

    /// Both outlive it.
    journaled_executor(Journal& journal, Inner& on) : journal_{journal}, on_{on} {}

    template <objectives_problem Problem>
    void evaluate(const Problem& problem, std::span<const genome> candidates, std::span<objectives<objective_count>> costs) {
        missing_.clear();
        std::map<genome, std::size_t, detail::gene_order> places;
        for (const genome& candidate : candidates)
            if (journal_.recall(candidate) == nullptr && places.emplace(candidate, missing_.size()).second)
                missing_.push_back(candidate);
        costs_.assign(missing_.size(), infeasible<objective_count>());
        try {
            interruption::check();
            on_missing(problem);
        } catch (const search_interrupted& why) {
            keep_finished();
            throw search_interrupted{why.what() + ("; " + holding())};
        } catch (...) {
            keep_finished();
            throw;
        }
        made_ += missing_.size();
        recalled_ += candidates.size() - missing_.size();
        if (const status written = journal_.append(missing_, costs_); !written)
            throw search_interrupted{std::string{written.error().message.view()} + "; " + holding()};
        for (std::size_t i = 0; i < candidates.size(); ++i) costs[i] = *journal_.recall(candidates[i]);
    }
    /// How many evaluations were made, and how many were not because the journal held them or the batch had them twice.
    [[nodiscard]] std::uint64_t made() const noexcept { return made_; }
    [[nodiscard]] std::uint64_t recalled() const noexcept { return recalled_; }

private:
    template <class Problem>
    void on_missing(const Problem& problem) {
        const std::span<const genome> asked{missing_};
        const std::span<objectives<objective_count>> costs{costs_};
        if (asked.empty()) return;
        if constexpr (requires { on_.evaluate(problem, asked, costs); }) {
            on_.evaluate(problem, asked, costs);
        } else {
            interruptible_executor<Inner> on{on_};
            evaluate_batch(problem, asked, costs, on);
        }
    }
    /// What is infeasible may not have been evaluated, so it is left out.
    void keep_finished() {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < missing_.size(); ++i)
            if (feasible(costs_[i])) {
                missing_[kept] = missing_[i];
                costs_[kept++] = costs_[i];
            }
        // A journal that cannot be written now is one that ends earlier.
        static_cast<void>(journal_.append(std::span{missing_}.first(kept), std::span{costs_}.first(kept)));
    }
    [[nodiscard]] std::string holding() const {
        return "the journal " + journal_.path().string() + " holds " + std::to_string(journal_.size()) +
               " evaluations: run again with it to go on from there";
    }

    Journal& journal_;
    Inner& on_;
    std::vector<genome> missing_;
    std::vector<objectives<objective_count>> costs_;
    std::uint64_t made_ = 0, recalled_ = 0;
};

} // namespace lutra
