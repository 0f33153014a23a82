// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/interruption.hpp catches signals and needs an operating system: leave it out on firmware."
#endif
#if !defined(__unix__) && !defined(__APPLE__)
    #error "lutra/search/interruption.hpp needs the signals of POSIX."
#endif

#include <lutra/core/executor.hpp>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace lutra {

/// A search cannot go on: it was told to stop, or lost what it runs on. `what()` is a sentence. It is an exception, because
/// executors run below run_search, which also runs at compile time and has no other way out.
class search_interrupted : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

namespace detail {
/// The last signal that was caught. A handler reaches nothing but what is global.
inline std::atomic<int> caught_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler must not wait for a lock");
extern "C" inline void lutra_catch_signal(int number) { caught_signal = number; }
} // namespace detail

/// While it lives, SIGINT (Ctrl-C) and SIGTERM (kill, batch systems, mpirun) do not end the process but are noted, so that a
/// search can end with its journal whole. A second Ctrl-C ends the process as ever; so does what the process ignored before.
/// They may be nested; the outermost forgets what was caught, and each puts back the handlers that it found.
///
/// @code
/// const lutra::interruption caught;
/// try {
///     lutra::run_search<16>(search, problem, budget, lutra::no_record{}, on);
/// } catch (const lutra::search_interrupted& why) {
///     std::fprintf(stderr, "%s\n", why.what());
///     return 1;
/// }
/// @endcode
class interruption {
public:
    interruption() noexcept {
        ::sigaction(SIGINT, nullptr, &old_interrupt_);
        ::sigaction(SIGTERM, nullptr, &old_terminate_);
        outermost_ = old_terminate_.sa_handler != &detail::lutra_catch_signal;
        if (outermost_) detail::caught_signal = 0;
        install(SIGINT, old_interrupt_, SA_RESTART | static_cast<int>(SA_RESETHAND));
        install(SIGTERM, old_terminate_, SA_RESTART);
    }
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;
    ~interruption() {
        ::sigaction(SIGINT, &old_interrupt_, nullptr);
        ::sigaction(SIGTERM, &old_terminate_, nullptr);
        if (outermost_) detail::caught_signal = 0;
    }

    /// The signal that was caught; 0 if none.
    [[nodiscard]] static int signal() noexcept { return detail::caught_signal; }
    [[nodiscard]] static bool requested() noexcept { return signal() != 0; }
    [[nodiscard]] static std::string sentence() {
        return "the search was told to stop by signal " + std::to_string(signal()) +
               (signal() == SIGINT ? " (interrupt)" : " (terminate)");
    }
    /// Throws search_interrupted if a signal was caught.
    static void check() {
        if (requested()) throw search_interrupted{sentence()};
    }

private:
    static void install(int number, const struct sigaction& old, int flags) noexcept {
        if (old.sa_handler == SIG_IGN) return; // as nohup and shells do for what runs in the background
        struct sigaction action {};
        action.sa_handler = &detail::lutra_catch_signal;
        action.sa_flags = flags;
        ::sigemptyset(&action.sa_mask);
        ::sigaction(number, &action, nullptr);
    }
    bool outermost_ = true;
    struct sigaction old_interrupt_ {
    }, old_terminate_{};
};

/// Another executor that starts no further task once a signal was caught: `run` then throws search_interrupted, after the
/// tasks that are under way.
template <executor Inner>
struct interruptible_executor {
    Inner& inner;

    [[nodiscard]] std::size_t workers() const { return inner.workers(); }
    template <class F>
    void run(std::size_t count, F&& f) {
        inner.run(count, [&f](std::size_t task, std::size_t worker) {
            interruption::check();
            f(task, worker);
        });
    }
};
static_assert(executor<interruptible_executor<serial_executor>>);

} // namespace lutra
