// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct not_an_executor {
    static int workers() { return 1; }
};
struct nobody {
    static std::size_t workers() { return 0; }
    template <class F>
    static void run(std::size_t, F&&) {}
};
static_assert(lutra::executor<nobody>); // what it promises is not in its type
static_assert(lutra::executor<lutra::serial_executor> && lutra::executor<lutra::thread_executor>);
static_assert(!lutra::executor<not_an_executor> && !lutra::executor<int>);
static_assert([] {
    std::size_t sum = 0;
    lutra::serial_executor::run(5, [&](std::size_t task, std::size_t worker) { sum = sum * 10 + task + worker; });
    return sum == 1234;
}());

} // namespace

TEST_CASE("every task runs once, whatever the number of workers and tasks") {
    for (const std::size_t workers : {1u, 2u, 3u, 8u}) {
        lutra::thread_executor pool{workers};
        REQUIRE(pool.workers() == workers);
        for (const std::size_t tasks : {0u, 1u, 2u, 7u, 1000u}) {
            std::vector<std::atomic<int>> runs(tasks);
            std::atomic<bool> strange_worker = false;
            pool.run(tasks, [&](std::size_t task, std::size_t worker) {
                ++runs[task];
                if (worker >= workers) strange_worker = true;
            });
            int wrong = 0;
            for (const auto& r : runs) wrong += r != 1;
            CHECK(wrong == 0);
            CHECK(!strange_worker);
        }
    }
    CHECK(lutra::thread_executor{}.workers() >= 1);
}

TEST_CASE("no two tasks share a worker at a time, so that scratch memory needs no lock") {
    lutra::thread_executor pool{4};
    std::vector<int> scratch(pool.workers()); // plain: a thread sanitizer would tell, and so do lost increments
    std::vector<std::atomic<int>> inside(pool.workers());
    std::atomic<int> overlaps = 0;
    for (int round = 0; round < 50; ++round)
        pool.run(100, [&](std::size_t, std::size_t worker) {
            if (++inside[worker] != 1) ++overlaps;
            ++scratch[worker];
            if (round == 0) std::this_thread::sleep_for(std::chrono::microseconds{10});
            --inside[worker];
        });
    int total = 0;
    for (const int s : scratch) total += s;
    CHECK(total == 5000);
    CHECK(overlaps == 0);
}

TEST_CASE("many short runs one after another") {
    lutra::thread_executor pool{3};
    std::atomic<std::size_t> sum = 0;
    for (int round = 0; round < 5000; ++round) pool.run(4, [&](std::size_t task, std::size_t) { sum += task; });
    CHECK(sum == 5000 * 6);
}

TEST_CASE("the first exception comes back, and the pool works on") {
    lutra::thread_executor pool{3};
    for (int round = 0; round < 200; ++round) {
        std::atomic<int> started = 0, ended = 0;
        std::string what;
        try {
            pool.run(50, [&](std::size_t task, std::size_t) {
                ++started;
                if (task == 10) ++ended, throw std::runtime_error{"task 10"};
                ++ended;
            });
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        REQUIRE(what == "task 10");
        REQUIRE(started == ended); // nothing runs on behind the caller's back
        REQUIRE(started <= 50);
        std::atomic<int> after = 0;
        pool.run(20, [&](std::size_t, std::size_t) { ++after; });
        REQUIRE(after == 20);
    }
}

TEST_CASE("exceptions from all tasks at once leave one") {
    lutra::thread_executor pool{4};
    for (int round = 0; round < 200; ++round) {
        int caught = 0;
        try {
            pool.run(64, [](std::size_t task, std::size_t) { throw static_cast<int>(task); });
        } catch (int) {
            ++caught;
        }
        REQUIRE(caught == 1);
    }
}

TEST_CASE("after an exception no further task starts") {
    lutra::thread_executor pool{2};
    std::atomic<int> started = 0;
    CHECK_THROWS_AS(pool.run(2000,
                             [&](std::size_t task, std::size_t) {
                                 ++started;
                                 if (task == 0) throw std::runtime_error{"at once"};
                                 std::this_thread::sleep_for(std::chrono::microseconds{200});
                             }),
                    std::runtime_error);
    CHECK(started < 2000);
}

TEST_CASE("an executor without workers is refused, for it would do nothing") {
    nobody ex;
    REQUIRE_PANIC(static_cast<void>(lutra::workers_of(ex)), bad_argument);
    lutra::thread_executor pool{2};
    CHECK(lutra::workers_of(pool) == 2);
}
