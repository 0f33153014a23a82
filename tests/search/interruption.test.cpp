// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/search/interruption.hpp>

#include "support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>

namespace {

/// What becomes of a process without handlers that does @p f: the signal that ended it, or minus its status.
template <class F>
int fate(F&& f) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGTERM, SIG_DFL);
        f();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}
auto handler_of(int number) {
    struct sigaction now {};
    ::sigaction(number, nullptr, &now);
    return now.sa_handler;
}

} // namespace

TEST_CASE("a signal is noted while somebody wants to know, and ends the process before and after") {
    CHECK_FALSE(lutra::interruption::requested());
    const auto on_interrupt = handler_of(SIGINT), on_terminate = handler_of(SIGTERM); // Catch2's
    {
        const lutra::interruption caught;
        CHECK(handler_of(SIGTERM) != on_terminate);
        lutra::interruption::check();
        ::raise(SIGINT);
        CHECK(lutra::interruption::signal() == SIGINT);
        CHECK_THROWS_WITH(lutra::interruption::check(), "the search was told to stop by signal 2 (interrupt)");
        {
            const lutra::interruption nested;
            CHECK(lutra::interruption::requested());
            ::raise(SIGTERM);
        }
        CHECK_THROWS_WITH(lutra::interruption::check(), "the search was told to stop by signal 15 (terminate)");
        ::raise(SIGTERM);
        CHECK(lutra::interruption::requested());
    }
    CHECK_FALSE(lutra::interruption::requested()); // the outermost forgets
    CHECK(handler_of(SIGTERM) == on_terminate);
    CHECK(handler_of(SIGINT) == on_interrupt);
    const lutra::interruption anew;
    CHECK_FALSE(lutra::interruption::requested());
}

TEST_CASE("a second Ctrl-C ends the process, a second SIGTERM does not") {
    const auto twice = [](int number) {
        return fate([number] {
            const lutra::interruption caught;
            ::raise(number);
            ::raise(number);
        });
    };
    CHECK(twice(SIGINT) == SIGINT);
    CHECK(twice(SIGTERM) == 0);
    CHECK(fate([] {
              { const lutra::interruption caught; }
              ::raise(SIGTERM);
          }) == SIGTERM);
}

TEST_CASE("what the process ignored stays ignored") {
    CHECK(fate([] {
              std::signal(SIGINT, SIG_IGN);
              const lutra::interruption caught;
              ::raise(SIGINT);
              if (lutra::interruption::requested()) ::_exit(1);
          }) == 0);
}

TEST_CASE("an executor starts no task after a signal") {
    const lutra::interruption caught;
    const auto run = [](auto&& inner) {
        std::atomic<int> tasks{0};
        lutra::interruptible_executor on{inner};
        CHECK_THROWS_AS(on.run(1000,
                               [&](std::size_t task, std::size_t) {
                                   ++tasks;
                                   if (task == 100) ::raise(SIGTERM);
                               }),
                        lutra::search_interrupted);
        CHECK(on.workers() == inner.workers());
        return tasks.load();
    };
    CHECK(run(lutra::serial_executor{}) == 101);
    const lutra::interruption still;
    CHECK(run(lutra::thread_executor{3}) == 0);
}
