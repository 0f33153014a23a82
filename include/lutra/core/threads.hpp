// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/core/threads.hpp needs an operating system with threads: use lutra::serial_executor on firmware."
#endif

#include <lutra/core/executor.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lutra {

/// A fixed pool of host threads, the calling one included. Tasks are handed out in order, one at a time.
/// The first exception that a task throws is rethrown by `run` after all running tasks have ended; no further task
/// starts. One `run` at a time: a task must not call `run` of its own pool.
class thread_executor {
public:
    /// @p workers threads in all; 0 means as many as the machine has.
    explicit thread_executor(std::size_t workers = 0) {
        if (workers == 0) workers = std::thread::hardware_concurrency();
        if (workers == 0) workers = 1;
        for (std::size_t w = 1; w < workers; ++w) threads_.emplace_back([this, w] { serve(w); });
    }
    thread_executor(const thread_executor&) = delete;
    thread_executor& operator=(const thread_executor&) = delete;
    ~thread_executor() {
        {
            const std::lock_guard lock{mutex_};
            stop_ = true;
        }
        wake_.notify_all();
        for (auto& t : threads_) t.join();
    }

    [[nodiscard]] std::size_t workers() const noexcept { return threads_.size() + 1; }

    template <class F>
    void run(std::size_t count, F&& f) {
        if (count == 0) return;
        if (threads_.empty() || count == 1) return serial_executor::run(count, f);
        {
            const std::lock_guard lock{mutex_};
            task_ = [&f](std::size_t task, std::size_t worker) { f(task, worker); };
            next_ = 0;
            count_ = count;
            busy_ = threads_.size();
            failure_ = nullptr;
            ++generation_;
        }
        wake_.notify_all();
        work(0);
        std::unique_lock lock{mutex_};
        idle_.wait(lock, [this] { return busy_ == 0; });
        task_ = nullptr;
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    void serve(std::size_t worker) {
        for (std::size_t seen = 0;;) {
            {
                std::unique_lock lock{mutex_};
                wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
                if (stop_) return;
                seen = generation_;
            }
            work(worker);
            {
                const std::lock_guard lock{mutex_};
                --busy_;
            }
            idle_.notify_one();
        }
    }
    void work(std::size_t worker) {
        for (std::size_t task; (task = next_.fetch_add(1)) < count_;) try {
                task_(task, worker);
            } catch (...) {
                const std::lock_guard lock{mutex_};
                if (!failure_) failure_ = std::current_exception();
                next_ = count_;
            }
    }

    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable wake_, idle_;
    std::function<void(std::size_t, std::size_t)> task_;
    std::atomic<std::size_t> next_{0};
    std::size_t count_ = 0, busy_ = 0, generation_ = 0;
    std::exception_ptr failure_;
    bool stop_ = false;
};
static_assert(executor<thread_executor>);

} // namespace lutra
