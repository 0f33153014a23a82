// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/detail/background_evaluator.hpp needs an operating system with threads: leave it out on firmware."
#endif

#include <lutra/search/run.hpp>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace lutra::detail {

/// Evaluates one batch after the other on a thread of its own, so that the thread that owns it can answer others meanwhile.
/// Problem and executor outlive it. The destructor waits for the batch under way.
template <objectives_problem Problem, class Inner>
class background_evaluator {
public:
    using genome = typename Problem::genome;
    static constexpr std::size_t objective_count = lutra::objective_count<Problem>;

    background_evaluator(const Problem& problem, Inner& on) : problem_{problem}, on_{on}, thread_{[this] { work(); }} {}
    background_evaluator(const background_evaluator&) = delete;
    background_evaluator& operator=(const background_evaluator&) = delete;
    ~background_evaluator() {
        {
            const std::lock_guard lock{mutex_};
            stop_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    /// Whether a batch was started whose costs were not taken.
    [[nodiscard]] bool busy() const noexcept { return busy_; }
    /// Starts on a copy of @p batch; not while busy.
    void start(std::span<const genome> batch) {
        require(!busy_, panic_code::bad_argument, "a background evaluator does one batch at a time: take the costs first");
        {
            const std::lock_guard lock{mutex_};
            batch_.assign(batch.begin(), batch.end());
            costs_.assign(batch.size(), infeasible<objective_count>());
            failure_ = nullptr;
            pending_ = true;
        }
        busy_ = true;
        changed_.notify_all();
    }
    /// Waits for a batch to be finished, at most as long as told. Whether there is one whose costs can be taken.
    template <class Duration>
    bool wait_for(const Duration& longest) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, longest, [this] { return busy_ && !pending_; });
    }
    /// The costs of the finished batch, until the next; those of which an evaluation threw @p failure are infeasible.
    [[nodiscard]] std::span<const objectives<objective_count>> take(std::exception_ptr& failure) {
        busy_ = false;
        failure = failure_;
        return costs_;
    }

private:
    void work() {
        for (std::unique_lock lock{mutex_};;) {
            changed_.wait(lock, [this] { return stop_ || pending_; });
            if (stop_) return;
            lock.unlock();
            std::exception_ptr failure;
            try {
                evaluate_batch<Problem>(problem_, batch_, costs_, on_);
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            failure_ = failure;
            pending_ = false;
            changed_.notify_all();
        }
    }

    const Problem& problem_;
    Inner& on_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<genome> batch_;
    std::vector<objectives<objective_count>> costs_;
    std::exception_ptr failure_;
    bool pending_ = false, stop_ = false;
    bool busy_ = false;  ///< the owner's alone
    std::thread thread_; ///< last, so that it finds the rest
};

} // namespace lutra::detail
