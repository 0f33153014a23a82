// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// mpi_front [--journal FILE] [--threads N] [--evaluations N] [--microseconds N] [--odd-rank R] [--absent-rank R]
//           [--kill-rank R | --fail-rank R] [--after N]
// A search on all ranks, which prints its front; mpi_front.cmake runs it. The options from --odd-rank on make one rank
// another search's, end before it begins, or kill itself or throw at its evaluation N.
#include <lutra/core/threads.hpp>
#include <lutra/search/journaled_executor.hpp>
#include <lutra/search/mpi.hpp>

#include "search/archive_search.hpp"

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

struct arguments {
    std::string journal;
    std::map<std::string_view, long> number{{"--threads", 1},    {"--evaluations", 400}, {"--microseconds", 2000},
                                            {"--odd-rank", -1},  {"--absent-rank", -1},  {"--kill-rank", -1},
                                            {"--fail-rank", -1}, {"--after", 1}};
};
std::optional<arguments> parse(int argc, char** argv) {
    arguments out;
    if (argc % 2 == 0) return std::nullopt;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view value = argv[i + 1];
        if (std::string_view{argv[i]} == "--journal") {
            out.journal = value;
            continue;
        }
        const auto at = out.number.find(argv[i]);
        if (at == out.number.end()) return std::nullopt;
        if (std::from_chars(value.data(), value.data() + value.size(), at->second).ec != std::errc{}) return std::nullopt;
    }
    return out;
}

/// Takes a time that depends on the candidate, so that ranks finish in another order each time.
struct slow_choices {
    using genome = eight_choices::genome;
    std::chrono::microseconds unit;
    long kill_at, fail_at; ///< evaluations of this rank, from 1; 0 for never
    mutable std::atomic<long> evaluated{0};

    lutra::objectives<2> evaluate(const genome& g) const {
        const long number = ++evaluated;
        if (number == kill_at) ::raise(SIGKILL);
        if (number == fail_at) throw std::out_of_range{"no evaluation " + std::to_string(number)};
        std::this_thread::sleep_for(unit * (g[0] + g[1]) / 5);
        return eight_choices::evaluate(g);
    }
};

int complain(std::string_view sentence) {
    std::fprintf(stderr, "mpi_front: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    const auto given = parse(argc, argv);
    if (!given) return complain("these options are unknown, or lack a number");
    const auto number = [&](std::string_view option) { return given->number.at(option); };

    lutra::mpi_session session;
    const auto is = [&](std::string_view option) { return number(option) == session.rank(); };
    if (is("--absent-rank")) return complain("this rank does not feel like it");
    const slow_choices problem{.unit = std::chrono::microseconds{number("--microseconds")},
                               .kill_at = is("--kill-rank") ? number("--after") : 0,
                               .fail_at = is("--fail-rank") ? number("--after") : 0};
    const std::string_view identity = is("--odd-rank") ? "odd choices" : "eight choices";
    lutra::thread_executor workers{static_cast<std::size_t>(number("--threads"))};
    if (session.rank() != 0) return lutra::mpi_serve(session, problem, identity, workers) ? 0 : 1;

    auto ranks = lutra::mpi_executor<slow_choices, lutra::thread_executor>::open(session, problem, identity, workers);
    if (!ranks) return complain(ranks.error().message);
    archive_search search{7};
    const lutra::search_budget budget{.evaluations = static_cast<std::uint64_t>(number("--evaluations"))};
    lutra::search_effort spent;
    const auto start = std::chrono::steady_clock::now();
    try {
        if (given->journal.empty()) {
            spent = lutra::run_search<16>(search, problem, budget, lutra::no_record{}, **ranks);
        } else {
            auto journal = lutra::evaluation_journal<slow_choices::genome, 2>::open(given->journal, identity);
            if (!journal) return complain(journal.error().message);
            lutra::journaled_executor on{*journal, **ranks};
            spent = lutra::run_search<16>(search, problem, budget, lutra::no_record{}, on);
            std::fprintf(stderr, "%d made, %d recalled\n", static_cast<int>(on.made()), static_cast<int>(on.recalled()));
        }
    } catch (const std::exception& why) { // search_interrupted, too
        return complain(why.what());
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::fprintf(stderr, "%.3f s, %ld evaluations on rank 0\n", took.count(), problem.evaluated.load());
    std::printf("%d evaluations, %d infeasible\n", static_cast<int>(spent.evaluations), static_cast<int>(spent.infeasible));
    for (const auto& [g, costs] : search.front()) {
        for (const auto gene : g) std::printf("%d ", gene);
        std::printf(": %a %a\n", costs[0], costs[1]);
    }
}
