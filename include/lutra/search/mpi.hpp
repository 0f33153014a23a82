// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/result.hpp>
#include <lutra/search/detail/background_evaluator.hpp>
#include <lutra/search/detail/sentence.hpp>
#include <lutra/search/mpi_serve.hpp>
#include <lutra/search/mpi_session.hpp>
#include <lutra/search/run.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace lutra {

/// Evaluates batches on all ranks of MPI: rank 0 runs the search with it, the others run mpi_serve. Each rank that is idle
/// gets as many candidates as it has workers, or its share of the last ones; what they cost is put where they were asked, so
/// that a search is the same on any number of ranks. Rank 0 evaluates, too, on a second thread, while the first answers the
/// others without delay and sleeps in between: n ranks evaluate n times as fast as one where an evaluation takes long beside
/// 0.2 ms. Genomes and costs are sent as bytes: all machines must be of one kind.
///
/// `evaluate` throws search_interrupted when a rank was lost, which mpirun tells the others with SIGTERM, or told to stop;
/// what was finished is in the costs by then, the others are as they were, and nothing more can be evaluated. An
/// evaluation's exception is thrown again, from another rank as std::runtime_error, when what is under way has ended.
///
/// @code
/// lutra::mpi_session session;
/// const my_problem problem{...};
/// if (session.rank() != 0) return lutra::mpi_serve(session, problem, identity) ? 0 : 1;
/// auto ranks = lutra::mpi_executor<my_problem>::open(session, problem, identity);
/// if (!ranks) return complain(ranks.error().message);
/// auto journal = lutra::evaluation_journal<my_problem::genome, 2>::open("front.journal", identity);
/// if (!journal) return complain(journal.error().message);
/// lutra::journaled_executor on{*journal, **ranks}; // what the journal holds is not sent
/// try {
///     lutra::run_search<64>(search, problem, budget, lutra::no_record{}, on);
/// } catch (const lutra::search_interrupted& why) {
///     return complain(why.what()); // with a status that is not 0
/// }
/// @endcode
///
/// @tparam Inner the executor of rank 0; other ranks may have others
template <objectives_problem Problem, executor Inner = const serial_executor>
requires std::is_trivially_copyable_v<typename Problem::genome>
class mpi_executor {
public:
    using genome = typename Problem::genome;
    using costs_type = objectives<objective_count<Problem>>;

    /// Meets the other ranks, which must serve the same @p identity. Session, problem and @p on outlive it.
    ///
    /// Errors: `mismatch` where a rank has another identity, type of genome or number of objectives; `missing` where one
    /// ended before it served; `io` when a signal said stop, or MPI failed.
    static result<std::unique_ptr<mpi_executor>> open(mpi_session& session, const Problem& problem,
                                                      std::string_view identity, Inner& on = detail::in_order) {
        require(session.rank() == 0, panic_code::bad_argument, "an mpi_executor belongs to rank 0; the others serve",
                session.rank(), 0);
        session.meet();
        std::unique_ptr<mpi_executor> out{new mpi_executor{session, problem, on}};
        try {
            if (const status met = out->greet(detail::mpi_identity<Problem>(identity)); !met) return met.error();
        } catch (const search_interrupted& why) {
            session.abandon();
            return detail::search_fault(error_code::io, 0, std::string_view{why.what()});
        }
        return out;
    }
    mpi_executor(const mpi_executor&) = delete;
    mpi_executor& operator=(const mpi_executor&) = delete;
    /// Sends the other ranks on their way.
    ~mpi_executor() {
        if (session_.abandoned()) return;
        try {
            for (const peer& other : peers_) session_.send(other.rank, detail::mpi_tag::stop);
        } catch (const search_interrupted&) {
            session_.abandon();
        }
    }

    /// @p problem is the one that it was opened with.
    void evaluate(const Problem& problem, std::span<const genome> candidates, std::span<costs_type> costs) {
        require(&problem == &problem_, panic_code::bad_argument,
                "an mpi_executor evaluates the problem that it was made with");
        if (session_.abandoned()) throw search_interrupted{"the ranks of this search are gone"};
        if (peers_.empty()) {
            interruptible_executor<Inner> here{on_};
            return evaluate_batch(problem, candidates, costs, here);
        }
        failure_ = nullptr;
        try {
            on_ranks(candidates, costs);
        } catch (const search_interrupted&) {
            session_.abandon();
            throw;
        }
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    struct peer {
        int rank = 0;
        std::size_t workers = 1;
        std::size_t first = 0, count = 0; ///< of the batch, what it evaluates
        std::vector<genome> sent{};
        MPI_Request sending = MPI_REQUEST_NULL;
        bool left = false;
    };

    mpi_executor(mpi_session& session, const Problem& problem, Inner& on)
        : session_{session}, problem_{problem}, on_{on}, here_{problem, on} {}

    [[nodiscard]] status greet(const std::string& identity) {
        for (int other = 1; other < session_.size(); ++other) session_.send(other, detail::mpi_tag::hello, identity);
        status met = ok();
        detail::polling_pause pause;
        for (int waiting = session_.size() - 1; waiting > 0;) {
            interruption::check();
            const auto message = session_.poll();
            if (!message) {
                std::this_thread::sleep_for(pause.next());
                continue;
            }
            --waiting;
            if (message->tag == detail::mpi_tag::agree) {
                const auto workers = session_.receive<std::uint64_t>(*message);
                peers_.push_back({.rank = message->from, .workers = static_cast<std::size_t>(workers.at(0))});
                continue;
            }
            const auto its = session_.receive<char>(*message);
            if (message->tag == detail::mpi_tag::differ)
                met = detail::mpi_differs(message->from, {its.data(), its.size()}, identity);
            else
                met = detail::search_fault(error_code::missing, 0, "rank ", message->from, " ended before the search began");
        }
        return met;
    }
    void on_ranks(std::span<const genome> candidates, std::span<costs_type> costs) {
        detail::polling_pause pause;
        for (std::size_t next = 0;;) {
            bool busy = here_.busy(), left = interruption::requested();
            for (const peer& other : peers_) {
                busy = busy || other.count != 0;
                left = left || other.left;
            }
            if (left) leave(costs);
            if (failure_) next = candidates.size();
            if (!busy && next == candidates.size()) return;
            next = hand_out(candidates, next);
            if (collect(costs))
                pause.reset();
            else
                here_.wait_for(pause.next());
        }
    }
    /// Gives those that are idle what stands from @p next on. @returns what then is next.
    std::size_t hand_out(std::span<const genome> candidates, std::size_t next) {
        std::size_t idle = here_.busy() ? 0 : workers_of(on_);
        for (const peer& other : peers_) idle += other.count == 0 ? other.workers : 0;
        const auto share = [&](std::size_t workers) {
            const std::size_t left = candidates.size() - next;
            const std::size_t fair = (left * workers + idle - 1) / idle;
            idle -= workers;
            return std::min(workers, fair);
        };
        for (peer& other : peers_) {
            if (next == candidates.size()) return next;
            if (other.count != 0) continue;
            other.first = next;
            other.count = share(other.workers);
            const auto work = candidates.subspan(next, other.count);
            other.sent.assign(work.begin(), work.end());
            other.sending = session_.post(other.rank, detail::mpi_tag::work, std::span<const genome>{other.sent});
            next += other.count;
        }
        if (here_.busy() || next == candidates.size()) return next;
        first_here_ = next;
        const std::size_t count = share(workers_of(on_));
        here_.start(candidates.subspan(next, count));
        return next + count;
    }
    /// Takes what others have sent, and what is finished here. @returns whether there was any.
    bool collect(std::span<costs_type> costs) {
        bool any = false;
        while (const auto message = session_.poll()) {
            any = true;
            peer& from = *std::find_if(peers_.begin(), peers_.end(), [&](const peer& p) { return p.rank == message->from; });
            if (message->tag == detail::mpi_tag::leaving) {
                static_cast<void>(session_.receive<char>(*message));
                from.left = true;
                continue;
            }
            session_.finish(from.sending); // for this is the answer
            if (message->tag == detail::mpi_tag::costs) {
                const auto got = session_.receive<costs_type>(*message);
                std::copy_n(got.begin(), std::min(got.size(), from.count), costs.begin() + offset(from.first));
            } else {
                const auto said = session_.receive<char>(*message);
                failure_ = std::make_exception_ptr(
                    std::runtime_error{"rank " + std::to_string(from.rank) + ": " + std::string{said.begin(), said.end()}});
            }
            from.count = 0;
        }
        if (here_.busy() && here_.wait_for(std::chrono::seconds{0})) {
            any = true;
            std::exception_ptr failure;
            const auto got = here_.take(failure);
            std::copy(got.begin(), got.end(), costs.begin() + offset(first_here_));
            if (failure) failure_ = failure;
        }
        return any;
    }
    /// Says why the search ends. When mpirun lost a rank it tells all others to stop, and they tell rank 0: who does not is
    /// the lost one. Nothing is sent, for Open MPI may abort where a connection is gone; who was not told ends with the job.
    [[noreturn]] void leave(std::span<costs_type> costs) {
        const auto until = std::chrono::steady_clock::now() + detail::longest_goodbye;
        const auto has_left = [](const peer& other) { return other.left; };
        while (!std::all_of(peers_.begin(), peers_.end(), has_left) && std::chrono::steady_clock::now() < until)
            if (!collect(costs)) here_.wait_for(std::chrono::milliseconds{1});
        if (!interruption::requested()) throw search_interrupted{ranks(true) + " told to stop"};
        if (std::all_of(peers_.begin(), peers_.end(), has_left)) throw search_interrupted{interruption::sentence()};
        if (std::any_of(peers_.begin(), peers_.end(), has_left)) throw search_interrupted{ranks(false) + " lost"};
        throw search_interrupted{ranks(false) + " silent when " + interruption::sentence()};
    }
    /// "rank 2 was" or "ranks 1, 2 were": those that have left, or those that have not.
    [[nodiscard]] std::string ranks(bool that_left) const {
        std::string names;
        std::size_t count = 0;
        for (const peer& other : peers_)
            if (other.left == that_left) names += (count++ == 0 ? " " : ", ") + std::to_string(other.rank);
        return (count == 1 ? "rank" : "ranks") + names + (count == 1 ? " was" : " were");
    }
    [[nodiscard]] static std::ptrdiff_t offset(std::size_t i) noexcept { return static_cast<std::ptrdiff_t>(i); }

    mpi_session& session_;
    const Problem& problem_;
    Inner& on_;
    std::vector<peer> peers_;
    std::exception_ptr failure_;
    std::size_t first_here_ = 0;
    detail::background_evaluator<Problem, Inner> here_;
};

} // namespace lutra
