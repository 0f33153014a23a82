// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <concepts>
#include <cstddef>

namespace lutra {

/// Runs independent tasks. `run(count, f)` calls `f(task, worker)` once for each task in [0, count) and returns when
/// all are done; `worker` is below `workers()`, and no two calls with the same worker overlap, so that a worker can
/// own scratch memory. Which worker runs which task is the executor's business: results must not depend on it.
template <class E>
concept executor = requires(E& e, void (*f)(std::size_t, std::size_t)) {
    { e.workers() } -> std::convertible_to<std::size_t>;
    e.run(std::size_t{}, f);
};

/// The executor that needs nothing: tasks in order, on the calling thread.
struct serial_executor {
    [[nodiscard]] static constexpr std::size_t workers() noexcept { return 1; }
    template <class F>
    static constexpr void run(std::size_t count, F&& f) {
        for (std::size_t task = 0; task < count; ++task) f(task, std::size_t{0});
    }
};
static_assert(executor<serial_executor>);

/// `ex.workers()`; panics where there is none, for then nothing would be done.
template <executor E>
[[nodiscard]] constexpr std::size_t workers_of(E& ex) {
    const std::size_t workers = ex.workers();
    require(workers > 0, panic_code::bad_argument, "an executor needs at least one worker; it has", 0, 1);
    return workers;
}

} // namespace lutra
