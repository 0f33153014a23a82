// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/result.hpp>
#include <lutra/search/detail/background_evaluator.hpp>
#include <lutra/search/detail/sentence.hpp>
#include <lutra/search/mpi_session.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>

namespace lutra {

namespace detail {

inline constexpr serial_executor in_order{};
/// How long rank 0 waits for the others to say that they leave, when it was told to stop.
inline constexpr std::chrono::milliseconds longest_goodbye{300};

/// What ranks that work on one search agree on.
template <objectives_problem Problem>
[[nodiscard]] std::string mpi_identity(std::string_view identity) {
    return std::string{identity} + " (" + std::to_string(objective_count<Problem>) + " objectives, candidates of " +
           std::to_string(sizeof(typename Problem::genome)) + " bytes)";
}
[[nodiscard]] inline error mpi_differs(int rank, std::string_view its, std::string_view of_rank_0) {
    return search_fault(error_code::mismatch, 0, "rank ", rank, " has another search than rank 0: \"",
                        shown_at_difference(its, of_rank_0), "\", expected \"", shown_at_difference(of_rank_0, its), "\"");
}
[[nodiscard]] inline std::string what_failed(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "an exception that is no std::exception";
    }
}

/// How long to wait between two looks for messages: not at all for 50 us, then an eighth of what was waited, up to 1 ms.
/// MPI's own waiting would keep a core busy and be deaf to signals.
class polling_pause {
    using clock = std::chrono::steady_clock;

public:
    void reset() noexcept { since_ = clock::now(); }
    [[nodiscard]] clock::duration next() const noexcept {
        const auto waited = clock::now() - since_;
        if (waited < std::chrono::microseconds{50}) return {};
        return std::min<clock::duration>(waited / 8, std::chrono::milliseconds{1});
    }

private:
    clock::time_point since_ = clock::now();
};

} // namespace detail

/// What every rank but 0 does: evaluates, on @p on, the candidates that the mpi_executor of rank 0 sends, until that one
/// goes. Problem and @p identity are those of rank 0. An exception of an evaluation goes to rank 0.
///
/// Errors, after each of which the program should end with a status that is not 0: `mismatch` where rank 0 has another
/// identity, type of genome or number of objectives; `io` when this rank was told to stop by a signal, or when MPI failed.
/// Rank 0 reports them, too.
template <objectives_problem Problem, executor Inner = const serial_executor>
requires std::is_trivially_copyable_v<typename Problem::genome>
[[nodiscard]] status mpi_serve(mpi_session& session, const Problem& problem, std::string_view identity,
                               Inner& on = detail::in_order) {
    using detail::mpi_tag;
    require(session.rank() != 0, panic_code::bad_argument, "rank 0 does not serve: it makes an mpi_executor");
    session.meet();
    const std::string own = detail::mpi_identity<Problem>(identity);
    try {
        detail::background_evaluator<Problem, Inner> here{problem, on};
        detail::polling_pause pause;
        for (;;) {
            if (interruption::requested()) {
                session.send(0, mpi_tag::leaving);
                session.abandon();
                // Mpirun waits a second from SIGTERM to SIGKILL, or until a process ends: rank 0 needs time for last words.
                std::this_thread::sleep_for(2 * detail::longest_goodbye);
                return detail::search_fault(error_code::io, 0, "rank ", session.rank(), " was told to stop");
            }
            if (here.wait_for(pause.next())) {
                std::exception_ptr failure;
                const auto costs = here.take(failure);
                if (failure)
                    session.send(0, mpi_tag::failure, detail::what_failed(failure));
                else
                    session.send(0, mpi_tag::costs, costs);
                pause.reset();
            }
            const auto message = session.poll();
            if (!message) continue;
            pause.reset();
            if (message->tag == mpi_tag::work) {
                here.start(session.receive<typename Problem::genome>(*message));
                continue;
            }
            const auto contents = session.receive<char>(*message);
            if (message->tag == mpi_tag::stop) return ok();
            const std::string_view other{contents.data(), contents.size()}; // hello
            if (other != own) {
                session.send(0, mpi_tag::differ, own);
                return detail::mpi_differs(session.rank(), own, other);
            }
            const std::uint64_t workers = workers_of(on);
            session.send(0, mpi_tag::agree, std::span{&workers, 1});
        }
    } catch (const search_interrupted& why) {
        session.abandon();
        return detail::search_fault(error_code::io, 0, std::string_view{why.what()});
    }
}

} // namespace lutra
