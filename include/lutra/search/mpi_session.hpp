// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/mpi_session.hpp needs an operating system and MPI: leave it out on firmware."
#endif
#if !__has_include(<mpi.h>)
    #error "lutra/search/mpi_session.hpp needs MPI: link lutra::mpi, or compile with mpicxx."
#endif

#include <lutra/core/panic.hpp>
#include <lutra/search/interruption.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// The C++ bindings are gone from the standard and would have to be linked.
#ifndef OMPI_SKIP_MPICXX
    #define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
    #define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

namespace lutra {

namespace detail {
/// What ranks tell each other. Rank 0 says hello, work and stop; the others answer, and say leaving.
enum class mpi_tag : int {
    hello = 1, ///< identity; answered with agree (number of workers) or differ (the other identity)
    agree,
    differ,
    work, ///< candidates; answered with costs or failure (what an exception said)
    costs,
    failure,
    stop,    ///< no more work
    leaving, ///< the rank answers nothing from now on
};
/// A message that has come but was not received.
struct mpi_message {
    int from = 0;
    mpi_tag tag{};
    std::size_t bytes = 0;
};
} // namespace detail

/// MPI for as long as it lives, in a communicator of its own whose errors do not end the process: all ranks make one, on the
/// thread that later evaluates or serves. Initialises MPI and finalises it unless somebody else did. Catches SIGINT and
/// SIGTERM as interruption does, for mpirun sends SIGTERM to all ranks, and SIGKILL a second later, when one is lost.
///
/// A rank that ends its session early, because a file is missing say, does not leave the others waiting: rank 0 tells them
/// to stop, and any other tells rank 0 that it leaves.
class mpi_session {
public:
    mpi_session() {
        int initialised = 0;
        MPI_Initialized(&initialised);
        int support = MPI_THREAD_FUNNELED;
        if (initialised == 0) {
            MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &support);
            finalise_ = true;
        } else {
            MPI_Query_thread(&support);
        }
        require(support >= MPI_THREAD_FUNNELED, panic_code::unsupported,
                "MPI must allow threads beside the one that calls it (MPI_THREAD_FUNNELED)", support, MPI_THREAD_FUNNELED);
        caught_.emplace(); // after MPI, which may have handlers of its own
        MPI_Comm_dup(MPI_COMM_WORLD, &world_);
        MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN);
        MPI_Comm_rank(world_, &rank_);
        MPI_Comm_size(world_, &size_);
    }
    mpi_session(const mpi_session&) = delete;
    mpi_session& operator=(const mpi_session&) = delete;
    ~mpi_session() {
        if (abandoned_) return; // a rank that is gone will not finalise, and the others would wait for it
        if (!met_) part();
        MPI_Comm_free(&world_);
        if (finalise_) MPI_Finalize();
    }

    [[nodiscard]] int rank() const noexcept { return rank_; }
    [[nodiscard]] int size() const noexcept { return size_; }

    /// @name For executors
    /// Each throws search_interrupted when MPI says no.
    /// @{
    void meet() noexcept { met_ = true; }
    /// From now on MPI is not used, nor finalised.
    void abandon() noexcept { abandoned_ = true; }
    [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }
    [[nodiscard]] std::optional<detail::mpi_message> poll() const {
        int there = 0, bytes = 0;
        MPI_Status about{};
        check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, world_, &there, &about), "look for messages");
        if (there == 0) return std::nullopt;
        check(MPI_Get_count(&about, MPI_BYTE, &bytes), "measure a message");
        return detail::mpi_message{about.MPI_SOURCE, static_cast<detail::mpi_tag>(about.MPI_TAG),
                                   static_cast<std::size_t>(bytes)};
    }
    /// The contents of @p message; what does not fill a T is cut off.
    template <class T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] std::vector<T> receive(const detail::mpi_message& message) const {
        std::vector<T> out((message.bytes + sizeof(T) - 1) / sizeof(T));
        check(MPI_Recv(out.data(), static_cast<int>(message.bytes), MPI_BYTE, message.from, static_cast<int>(message.tag),
                       world_, MPI_STATUS_IGNORE),
              "receive a message");
        out.resize(message.bytes / sizeof(T));
        return out;
    }
    template <class T>
    requires std::is_trivially_copyable_v<T>
    void send(int to, detail::mpi_tag tag, std::span<const T> contents) const {
        check(
            MPI_Send(contents.data(), static_cast<int>(contents.size_bytes()), MPI_BYTE, to, static_cast<int>(tag), world_),
            "send a message");
    }
    /// Sends without waiting for somebody who may be gone: @p contents must stay until finish().
    template <class T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] MPI_Request post(int to, detail::mpi_tag tag, std::span<const T> contents) const {
        MPI_Request sending = MPI_REQUEST_NULL;
        check(MPI_Isend(contents.data(), static_cast<int>(contents.size_bytes()), MPI_BYTE, to, static_cast<int>(tag),
                        world_, &sending),
              "send a message");
        return sending;
    }
    void finish(MPI_Request& sending) const { check(MPI_Wait(&sending, MPI_STATUS_IGNORE), "send a message"); }
    void send(int to, detail::mpi_tag tag, std::string_view contents = {}) const {
        send(to, tag, std::span<const char>{contents});
    }
    /// @}

private:
    void part() const noexcept {
        try {
            if (rank_ != 0) return send(0, detail::mpi_tag::leaving);
            for (int other = 1; other < size_; ++other) send(other, detail::mpi_tag::stop);
        } catch (const search_interrupted&) { // who cannot be told is gone
        }
    }
    void check(int code, const char* what) const {
        if (code == MPI_SUCCESS) return;
        std::array<char, MPI_MAX_ERROR_STRING> why{};
        int length = 0;
        MPI_Error_string(code, why.data(), &length);
        throw search_interrupted{"MPI cannot " + std::string{what} + " on rank " + std::to_string(rank_) + ": " +
                                 std::string{why.data(), static_cast<std::size_t>(length)}};
    }

    bool finalise_ = false, met_ = false, abandoned_ = false;
    int rank_ = 0, size_ = 1;
    MPI_Comm world_ = MPI_COMM_NULL;
    std::optional<interruption> caught_;
};

} // namespace lutra
