// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/journal.hpp writes files and needs an operating system: leave it out on firmware."
#endif
#if !defined(__unix__) && !defined(__APPLE__)
    #error "lutra/search/journal.hpp needs the files and locks of POSIX."
#endif

#include <lutra/core/panic.hpp>
#include <lutra/core/result.hpp>
#include <lutra/search/detail/journal_line.hpp>
#include <lutra/search/detail/journal_reader.hpp>
#include <lutra/search/detail/sentence.hpp>
#include <lutra/search/objectives.hpp>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lutra {

/// A genome that a journal can hold: a row of integers, choice_genome or std::array.
template <class Genome>
concept journal_genome = std::semiregular<Genome> && requires {
    detail::journal_genes<Genome>::most;
};

struct journal_options {
    std::uint64_t sync_every = 64; ///< evaluations until what was written must survive a power cut; 0: never
    std::uint64_t max_bytes = std::uint64_t{1} << 32; ///< of a file that is read
    bool lock = true; ///< refuse a file that another search writes to; false for file systems without locks
};

/// The evaluations of a search in a file, one line each (detail/journal_line.hpp), from which a search that ended early goes
/// on: it depends on nothing but its seed and its width, so it is run again from its seed, and what the journal holds is
/// recalled and not evaluated again. journaled_executor does both. What was appended outlives the process at once, and the
/// machine after `sync_every` evaluations. A last line that was torn while it was written is dropped.
///
/// @code
/// auto journal = lutra::evaluation_journal<lutra::choice_genome<8>, 2>::open("front.journal", "digits, 1000 images");
/// if (!journal) return complain(journal.error().message);
/// lutra::thread_executor workers;
/// lutra::journaled_executor on{*journal, workers};
/// lutra::run_search<16>(search, problem, budget, lutra::no_record{}, on);
/// @endcode
template <journal_genome Genome, std::size_t N>
class evaluation_journal {
public:
    using genome = Genome;
    static constexpr std::size_t objective_count = N;

    /// Opens the journal at @p path, and makes it if there is none. @p identity is one line of up to 4096 bytes that says
    /// all that objectives depend on: space, model, images, which objectives.
    ///
    /// Errors: `malformed` with line and byte, also for an @p identity that is no line; `mismatch` for a journal of another
    /// search; `unsupported` for another version of the format; `wrong_size` past `max_bytes`; `io` with the operating
    /// system's reason, or when another journal object, of this process or another, has the file open.
    static result<evaluation_journal> open(const std::filesystem::path& path, std::string_view identity,
                                           const journal_options& options = {}) {
        evaluation_journal journal{path, options};
        const auto in_file = [&](const error& e) { return journal.fault(e.code, e.offset, e.message); };
        for (std::size_t i = 0; i < identity.size(); ++i)
            if (static_cast<unsigned char>(identity[i]) < ' ' || i == detail::longest_identity)
                return journal.fault(error_code::malformed, i, "the identity of a journal is one line of text, of up to ",
                                     detail::longest_identity, " bytes; byte ", i, " is none of it");
        journal.file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
        if (journal.file_ < 0) return journal.os_fault("open");
        struct stat about {};
        if (::fstat(journal.file_, &about) != 0) return journal.os_fault("look at");
        if (!S_ISREG(about.st_mode)) return journal.fault(error_code::io, 0, "it is not a regular file");
        if (options.lock && ::flock(journal.file_, LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK) return journal.os_fault("lock");
            return journal.fault(error_code::io, 0, "another search writes to this journal: wait for it, or take another");
        }
        detail::journal_reader<Genome, N> reader{identity};
        if (const status read = journal.read_all(reader); !read) return in_file(read.error());
        std::swap(journal.held_, reader.evaluations());
        journal.whole_ = reader.whole();
        if (::ftruncate(journal.file_, static_cast<::off_t>(journal.whole_)) != 0) return journal.os_fault("shorten");
        if (journal.whole_ == 0)
            if (const status written = journal.write(reader.header()); !written) return written.error();
        return journal;
    }
    evaluation_journal(evaluation_journal&& other) noexcept
        : path_{std::move(other.path_)},
          options_{other.options_},
          file_{std::exchange(other.file_, -1)},
          whole_{other.whole_},
          unsynced_{other.unsynced_},
          held_{std::move(other.held_)} {}
    evaluation_journal& operator=(evaluation_journal&&) = delete;
    ~evaluation_journal() {
        if (file_ < 0) return;
        if (options_.sync_every != 0 && unsynced_ != 0) static_cast<void>(::fsync(file_));
        static_cast<void>(::close(file_));
    }

    /// What @p candidate costs, if it was evaluated; null if not. Stays until the journal goes.
    [[nodiscard]] const objectives<N>* recall(const Genome& candidate) const {
        const auto at = held_.find(candidate);
        return at == held_.end() ? nullptr : &at->second;
    }
    /// Adds the evaluations that the journal does not hold, in one write. Errors: `io`; the file stays whole.
    [[nodiscard]] status append(std::span<const Genome> candidates, std::span<const objectives<N>> costs) {
        require(candidates.size() == costs.size(), panic_code::bad_shape, "a journal needs the costs of each candidate",
                static_cast<long long>(costs.size()), static_cast<long long>(candidates.size()));
        std::string lines;
        std::vector<typename decltype(held_)::iterator> added;
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            const auto [at, is_new] = held_.emplace(candidates[i], costs[i]);
            if (!is_new) continue;
            added.push_back(at);
            detail::append_journal_line<Genome, N>(lines, candidates[i], costs[i]);
        }
        if (const status written = write(lines); !written) {
            for (const auto at : added) held_.erase(at);
            return written;
        }
        unsynced_ += added.size();
        if (options_.sync_every == 0 || unsynced_ < options_.sync_every) return ok();
        unsynced_ = 0;
        // Some file systems have no fsync and say EINVAL: there is nothing to wait for then.
        return ::fsync(file_) == 0 || errno == EINVAL ? ok() : status{os_fault("write")};
    }
    /// How many evaluations it holds.
    [[nodiscard]] std::size_t size() const noexcept { return held_.size(); }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    evaluation_journal(std::filesystem::path path, const journal_options& options)
        : path_{std::move(path)}, options_{options} {}

    template <class... Parts>
    [[nodiscard]] error fault(error_code code, std::uint64_t offset, const Parts&... parts) const {
        const std::string shown = path_.string();
        return detail::search_fault(code, offset, detail::shown_from<80>(shown, shown.size() > 80 ? shown.size() - 80 : 0),
                                    ": ", parts...);
    }
    [[nodiscard]] error os_fault(std::string_view verb) const {
        const std::string reason = std::generic_category().message(errno);
        return fault(error_code::io, 0, "cannot ", verb, " it: ", std::string_view{reason});
    }
    [[nodiscard]] status read_all(detail::journal_reader<Genome, N>& reader) const {
        std::vector<char> piece(std::size_t{1} << 16);
        for (std::uint64_t total = 0;;) {
            const ::ssize_t got = ::read(file_, piece.data(), piece.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return os_fault("read");
            if (got == 0) return reader.finish();
            total += static_cast<std::uint64_t>(got);
            if (total > options_.max_bytes)
                return detail::search_fault(error_code::wrong_size, options_.max_bytes,
                                            "the file is larger than the limit of ", options_.max_bytes, " bytes");
            if (const status fed = reader.feed({piece.data(), static_cast<std::size_t>(got)}); !fed) return fed;
        }
    }
    /// All of @p lines, or nothing.
    [[nodiscard]] status write(std::string_view lines) {
        for (std::string_view rest = lines; !rest.empty();) {
            const ::ssize_t put = ::write(file_, rest.data(), rest.size());
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) {
                const error why = os_fault("write");
                if (::ftruncate(file_, static_cast<::off_t>(whole_)) != 0) // then nothing may follow what is torn
                    static_cast<void>(::close(std::exchange(file_, -1)));
                return why;
            }
            rest.remove_prefix(static_cast<std::size_t>(put));
        }
        whole_ += lines.size();
        return ok();
    }

    std::filesystem::path path_;
    journal_options options_;
    int file_ = -1;
    std::uint64_t whole_ = 0, unsynced_ = 0;
    detail::evaluations_by_genome<Genome, N> held_;
};

} // namespace lutra
