// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/search/journaled_executor.hpp>

#include "search/archive_search.hpp"
#include "search/journal_support.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using genome = eight_choices::genome;
using costs = lutra::objectives<2>;
using journal = lutra::evaluation_journal<genome, 2>;
constexpr lutra::search_budget budget{.evaluations = 400};

journal open(const std::filesystem::path& path, const lutra::journal_options& options = {}) {
    return must(journal::open(path, "eight choices", options));
}

/// Counts what it evaluates and calls `before` with the number of each.
struct observed {
    using genome = eight_choices::genome;
    mutable std::atomic<int> evaluated{0};
    std::function<void(int)> before = [](int) {};

    costs evaluate(const genome& g) const {
        before(++evaluated);
        return eight_choices::evaluate(g);
    }
};

/// All that a search gives, as text: what it spent, its front and every record.
struct outcome {
    std::string text;
    int evaluated = 0;
    std::uint64_t made = 0, recalled = 0;
};
void write(std::string& out, const genome& g, const costs& c) { lutra::detail::append_journal_line<genome, 2>(out, g, c); }

template <class Executor>
std::string search_on(const observed& problem, Executor& on) {
    std::string records;
    archive_search search{7};
    const auto spent = lutra::run_search<16>(
        search, problem, budget,
        [&](std::uint64_t number, const genome& g, const costs& c) { write(records += std::to_string(number) + " ", g, c); },
        on);
    records += std::to_string(spent.generations) + " " + std::to_string(spent.infeasible) + "\n";
    for (const auto& [g, c] : search.front()) write(records, g, c);
    return records;
}
template <class Executor = lutra::serial_executor>
outcome journaled(const std::filesystem::path& path, Executor&& workers = {}, const observed& problem = {}) {
    journal kept = open(path);
    lutra::journaled_executor on{kept, workers};
    const std::string text = search_on(problem, on);
    return {text, problem.evaluated, on.made(), on.recalled()};
}
std::string uninterrupted() {
    lutra::serial_executor on;
    return search_on({}, on);
}

} // namespace

TEST_CASE("a journal changes nothing in a search, and a complete one leaves nothing to evaluate") {
    const journal_folder folder;
    const std::string expected = uninterrupted();
    CHECK(std::count(expected.begin(), expected.end(), '\n') > 410); // with a front of some size
    const outcome first = journaled(folder / "j");
    CHECK(first.text == expected);
    CHECK(first.made + first.recalled == 400);
    CHECK(first.recalled > 0); // the search asks for some twice
    CHECK(static_cast<std::uint64_t>(first.evaluated) == first.made);
    const std::string whole = contents(folder / "j");
    CHECK(static_cast<std::uint64_t>(std::count(whole.begin(), whole.end(), '\n')) == first.made + 1);

    const outcome second = journaled(folder / "j", lutra::thread_executor{3});
    CHECK(second.text == expected);
    CHECK(second.evaluated == 0);
    CHECK(second.recalled == 400);
    CHECK(contents(folder / "j") == whole);

    const outcome on_threads = journaled(folder / "threads", lutra::thread_executor{3});
    CHECK(on_threads.text == expected);
    CHECK(contents(folder / "threads") == whole);
}

TEST_CASE("a search goes on from wherever its journal was cut off, and its records are those of one that was not") {
    const journal_folder folder;
    const std::string expected = uninterrupted();
    const outcome complete = journaled(folder / "j");
    const std::string whole = contents(folder / "j");
    for (std::size_t part = 0; part <= 10; ++part) {
        const std::size_t length = whole.size() * part / 10;
        put(folder / "j", whole.substr(0, length));
        const auto lines = std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length), '\n');
        const outcome resumed = part % 2 == 0 ? journaled(folder / "j") : journaled(folder / "j", lutra::thread_executor{3});
        CHECK(resumed.text == expected);
        CHECK(resumed.evaluated == static_cast<int>(complete.made) - (lines == 0 ? 0 : static_cast<int>(lines) - 1));
        CHECK(contents(folder / "j") == whole);
    }
}

TEST_CASE("candidates that a batch holds twice are evaluated once, with the number of the worker where that is wanted") {
    struct worker_problem {
        using genome = eight_choices::genome;
        std::atomic<int>& evaluated;
        costs evaluate(const genome& g) const { return eight_choices::evaluate(g); }
        costs evaluate(const genome& g, std::size_t worker) const {
            evaluated += worker < 2 ? 1 : 1000;
            return evaluate(g);
        }
    };
    const journal_folder folder;
    journal kept = open(folder / "j");
    lutra::thread_executor workers{2};
    lutra::journaled_executor on{kept, workers};
    std::atomic<int> evaluated{0};
    const worker_problem problem{evaluated};
    std::array<genome, 4> asked{};
    for (std::size_t i = 0; i < 4; ++i) asked[i] = eight_choices::space.at(i % 2);
    std::array<costs, 4> found{};
    on.evaluate(problem, asked, found);
    for (std::size_t i = 0; i < 4; ++i) CHECK(found[i] == eight_choices::evaluate(asked[i]));
    CHECK(evaluated == 2);
    CHECK(on.made() == 2);
    CHECK(on.recalled() == 2);
    CHECK(kept.size() == 2);
    on.evaluate(problem, std::span<const genome>{}, {});
    CHECK(kept.size() == 2);
}

TEST_CASE("what was evaluated before an evaluation threw is in the journal") {
    const journal_folder folder;
    const std::string expected = uninterrupted();
    observed fails;
    fails.before = [](int number) {
        if (number == 250) throw std::out_of_range{"the 250th"};
    };
    CHECK_THROWS_AS(journaled(folder / "j", lutra::serial_executor{}, fails), std::out_of_range);
    const journal kept = open(folder / "j", {.lock = false});
    CHECK(kept.size() <= 249);
    CHECK(kept.size() >= 240); // all of the last batch but what is infeasible
    const outcome resumed = journaled(folder / "j", lutra::thread_executor{3});
    CHECK(resumed.text == expected);
    CHECK(static_cast<std::uint64_t>(resumed.evaluated) == resumed.made);
}

TEST_CASE("a signal ends a search with its journal whole, after what is under way") {
    const journal_folder folder;
    const std::string expected = uninterrupted();
    const auto interrupt = [&](auto&& workers, const char* name) {
        const lutra::interruption caught;
        observed told;
        told.before = [](int number) {
            if (number == 200) ::raise(SIGTERM);
        };
        std::string said;
        try {
            journaled(folder / name, workers, told);
        } catch (const lutra::search_interrupted& why) {
            said = why.what();
        }
        const std::size_t held = open(folder / name).size();
        CHECK(said == "the search was told to stop by signal 15 (terminate); the journal " + (folder / name).string() +
                          " holds " + std::to_string(held) + " evaluations: run again with it to go on from there");
        CHECK(told.evaluated >= 200);
        CHECK(told.evaluated <= 203);
        CHECK(held >= 190);
        CHECK_THROWS_AS(journaled(folder / name), lutra::search_interrupted); // still told to stop
    };
    interrupt(lutra::serial_executor{}, "serial");
    interrupt(lutra::thread_executor{3}, "threads");
    CHECK(journaled(folder / "serial").text == expected);
    CHECK(journaled(folder / "threads").text == expected);
}

TEST_CASE("a journal that cannot be written ends a search") {
    const journal_folder folder;
    ::rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    const ::rlimit little{.rlim_cur = 10'000, .rlim_max = old.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &little) == 0);
    std::string said;
    try {
        journaled(folder / "j");
    } catch (const lutra::search_interrupted& why) {
        said = why.what();
    }
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
    std::signal(SIGXFSZ, ignored);
    CHECK(said.find("j: cannot write it: File too large; the journal ") != std::string::npos);
    CHECK(journaled(folder / "j").text == uninterrupted());
}

TEST_CASE("a search whose process is killed, again and again, ends as one that was not") {
    const journal_folder folder;
    const std::string expected = uninterrupted();
    const auto size = [&] {
        std::error_code none;
        const auto bytes = std::filesystem::file_size(folder / "j", none);
        return none ? 0 : bytes;
    };
    int kills = 0;
    for (bool done = false; !done;) {
        const auto before = size();
        const ::pid_t child = ::fork();
        if (child == 0) {
            observed slow;
            slow.before = [](int) { std::this_thread::sleep_for(std::chrono::microseconds{300}); };
            journaled(folder / "j", lutra::thread_executor{2}, slow);
            ::_exit(0);
        }
        int status = 0;
        while (size() < before + 3000 && !done) {
            done = ::waitpid(child, &status, WNOHANG) == child;
            std::this_thread::sleep_for(std::chrono::microseconds{100});
        }
        if (done) break;
        ::kill(child, SIGKILL);
        REQUIRE(::waitpid(child, &status, 0) == child);
        done = WIFEXITED(status);
        kills += done ? 0 : 1;
        REQUIRE(kills < 1000);
    }
    CHECK(kills >= 3);
    const outcome last = journaled(folder / "j");
    CHECK(last.text == expected);
    CHECK(last.evaluated == 0);
}
