// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/detail/journal_reader.hpp reads files of any length and needs a heap: leave it out on firmware."
#endif

#include <lutra/core/result.hpp>
#include <lutra/search/detail/journal_line.hpp>
#include <lutra/search/detail/sentence.hpp>
#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace lutra::detail {

/// Orders genomes by their genes, so that a journal can look them up whatever a file holds.
struct gene_order {
    template <class Genome>
    bool operator()(const Genome& a, const Genome& b) const noexcept {
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
};
template <class Genome, std::size_t N>
using evaluations_by_genome = std::map<Genome, objectives<N>, gene_order>;

/// Reads a journal in pieces of any size. It keeps the evaluations and one line, whose length it limits.
template <class Genome, std::size_t N>
class journal_reader {
public:
    /// @p identity is what the journal must say it belongs to.
    explicit journal_reader(std::string_view identity) : identity_{identity}, header_{journal_header(N, identity)} {}

    /// Takes the next bytes of the file. Errors: `malformed`, `unsupported` (another version), `mismatch` (another search).
    status feed(std::string_view bytes) {
        while (!bytes.empty()) {
            const std::size_t end = bytes.find('\n');
            const std::string_view piece = bytes.substr(0, end);
            const std::size_t limit = number_ == 1 ? longest_journal_header : longest_journal_line<Genome, N>;
            line_ += piece.substr(0, limit + 1 - line_.size());
            if (line_.size() > limit) {
                if (number_ == 1) return no_journal();
                return search_fault(error_code::malformed, whole_, "line ", number_, " is longer than ", limit, " bytes");
            }
            if (end == std::string_view::npos) return ok();
            if (const status taken = number_ == 1 ? check_header() : take_line(); !taken) return taken;
            whole_ += line_.size() + 1;
            ++number_;
            line_.clear();
            bytes.remove_prefix(end + 1);
        }
        return ok();
    }
    /// To be called at the end of the file, which may have torn off the last line, even if that is the first.
    [[nodiscard]] status finish() const {
        if (number_ == 1 && !std::string_view{header_}.starts_with(line_)) return no_journal();
        return ok();
    }
    /// How many bytes the whole lines have; what follows is torn.
    [[nodiscard]] std::uint64_t whole() const noexcept { return whole_; }
    [[nodiscard]] const std::string& header() const noexcept { return header_; }
    [[nodiscard]] evaluations_by_genome<Genome, N>& evaluations() noexcept { return held_; }

private:
    [[nodiscard]] status no_journal() const {
        return search_fault(error_code::malformed, 0, "it is no journal of evaluations: it begins with \"",
                            shown_from<60>(line_, 0), "\"");
    }
    [[nodiscard]] status check_header() const {
        std::string_view rest = line_;
        if (!rest.starts_with(journal_name)) return no_journal();
        rest.remove_prefix(journal_name.size());
        if (const std::string_view version = next_word(rest); version != journal_version)
            return search_fault(error_code::unsupported, journal_name.size(), "it is a journal of version ",
                                shown_from<20>(version, 0), ", expected ", journal_version);
        const std::string_view count = next_word(rest);
        if (count != std::to_string(N))
            return search_fault(error_code::mismatch, journal_name.size() + journal_version.size() + 1,
                                "it is a journal of ", shown_from<20>(count, 0), " objectives, expected ", N);
        if (rest != identity_)
            return search_fault(error_code::mismatch, line_.size() - rest.size(), "it belongs to another search: \"",
                                shown_at_difference(rest, identity_), "\", expected \"",
                                shown_at_difference(identity_, rest), "\"");
        return ok();
    }
    status take_line() {
        const auto read = parse_journal_line<Genome, N>(line_, number_, whole_);
        if (!read) return read.error();
        const auto [at, added] = held_.emplace(read->first, read->second);
        using bits = std::array<std::uint64_t, N>;
        if (!added && std::bit_cast<bits>(at->second) != std::bit_cast<bits>(read->second))
            return search_fault(error_code::malformed, whole_, "line ", number_,
                                " gives other objectives than an earlier line gives the same candidate");
        return ok();
    }

    std::string identity_, header_, line_;
    std::uint64_t number_ = 1, whole_ = 0;
    evaluations_by_genome<Genome, N> held_;
};

} // namespace lutra::detail
