// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/detail/journal_line.hpp writes text and needs a heap: leave it out on firmware."
#endif

#include <lutra/core/result.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/detail/sentence.hpp>
#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// @file
/// The text of a journal. Its first line: name, version, number of objectives, identity. Each other line is an evaluation:
/// genes in decimal, a colon, objectives as hexadecimal numbers, which are exact; all with one space between them.
///
///     lutra_journal 1 2 six layers of the digits, 1000 images
///     3 0 1 1 2 3 : 0x1.8cp+6 0x1.0624dd2f1a9fcp-9
///     0 0 0 1 0 0 : nan nan

namespace lutra::detail {

inline constexpr std::string_view journal_name = "lutra_journal ", journal_version = "1";
inline constexpr std::size_t longest_identity = 4096, longest_journal_header = longest_identity + 64;

/// How many genes a genome has, and of what type.
template <class Genome>
struct journal_genes;
template <std::size_t Capacity>
struct journal_genes<choice_genome<Capacity>> {
    using type = std::uint16_t;
    static constexpr std::size_t least = 0, most = Capacity;
    static constexpr void resize(choice_genome<Capacity>& genome, std::size_t size) noexcept { genome.length = size; }
};
template <std::integral Gene, std::size_t Size>
struct journal_genes<std::array<Gene, Size>> {
    using type = Gene;
    static constexpr std::size_t least = Size, most = Size;
    static constexpr void resize(std::array<Gene, Size>&, std::size_t) noexcept {}
};
/// What holds every gene of a genome.
template <class Genome>
using wide_gene = std::conditional_t<std::is_signed_v<typename journal_genes<Genome>::type>, long long, unsigned long long>;

/// In bytes: a gene has up to 20 digits, an objective up to 24 characters.
template <class Genome, std::size_t N>
inline constexpr std::size_t longest_journal_line = 21 * journal_genes<Genome>::most + 32 * N;

[[nodiscard]] inline std::string journal_header(std::size_t objective_count, std::string_view identity) {
    return std::string{journal_name}
               .append(journal_version)
               .append(" " + std::to_string(objective_count) + " ")
               .append(identity) += '\n';
}

/// Appends the line of an evaluation to @p out.
template <class Genome, std::size_t N>
void append_journal_line(std::string& out, const Genome& genome, const objectives<N>& costs) {
    std::array<char, 32> number{};
    const auto append = [&](std::to_chars_result end) { out.append(number.data(), end.ptr); };
    for (const auto gene : genome) {
        append(std::to_chars(number.data(), number.data() + number.size(), static_cast<wide_gene<Genome>>(gene)));
        out += ' ';
    }
    out += ':';
    for (const double cost : costs) {
        out += ' ';
        if (std::isnan(cost)) {
            out += "nan"; // one of many: its sign is the processor's
            continue;
        }
        if (std::signbit(cost)) out += '-';
        if (!std::isinf(cost)) out += "0x";
        append(std::to_chars(number.data(), number.data() + number.size(), std::fabs(cost), std::chars_format::hex));
    }
    out += '\n';
}

/// Takes what stands before the next space, and the space.
[[nodiscard]] constexpr std::string_view next_word(std::string_view& rest) noexcept {
    const std::size_t end = rest.find(' ');
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return word;
}
/// Whether @p word is an objective, which becomes @p cost.
[[nodiscard]] inline bool parse_cost(std::string_view word, double& cost) noexcept {
    cost = std::numeric_limits<double>::quiet_NaN();
    if (word == "nan") return true;
    const bool negative = word.starts_with('-');
    if (negative) word.remove_prefix(1);
    if (word == "inf") {
        cost = std::numeric_limits<double>::infinity();
    } else {
        if (!word.starts_with("0x") || word.size() < 3 || word[2] < '0' || word[2] > '9') return false;
        const char* const end = word.data() + word.size();
        const auto read = std::from_chars(word.data() + 2, end, cost, std::chars_format::hex);
        if (read.ec != std::errc{} || read.ptr != end) return false;
    }
    if (negative) cost = -cost;
    return true;
}

/// The evaluation in @p line, the @p number -th of a journal, which begins at byte @p offset. Errors: `malformed`.
template <class Genome, std::size_t N>
[[nodiscard]] result<std::pair<Genome, objectives<N>>> parse_journal_line(std::string_view line, std::uint64_t number,
                                                                          std::uint64_t offset) {
    using genes = journal_genes<Genome>;
    using wide = wide_gene<Genome>;
    std::string_view rest = line;
    const auto malformed = [&](const auto&... parts) {
        return search_fault(error_code::malformed, offset + (line.size() - rest.size()), "line ", number, ": ", parts...);
    };
    std::pair<Genome, objectives<N>> out{};
    std::size_t size = 0;
    for (;;) {
        std::string_view after = rest;
        const std::string_view word = next_word(after);
        if (word == ":") {
            rest = after;
            break;
        }
        if (rest.empty()) return malformed("there is no colon between genes and objectives");
        wide gene{};
        const auto read = std::from_chars(word.data(), word.data() + word.size(), gene);
        const auto kept = static_cast<typename genes::type>(gene);
        if (read.ec != std::errc{} || read.ptr != word.data() + word.size() || static_cast<wide>(kept) != gene)
            return malformed("\"", shown_from<40>(word, 0), "\" is no gene, which is a whole number up to ",
                             static_cast<wide>(std::numeric_limits<typename genes::type>::max()));
        if (size == genes::most) return malformed("there are more genes than ", genes::most);
        out.first[size++] = kept;
        rest = after;
    }
    if (size < genes::least) return malformed("there are ", size, " genes, expected ", genes::least);
    genes::resize(out.first, size);
    for (std::size_t i = 0; i < N; ++i) {
        if (rest.empty()) return malformed("there are ", i, " objectives, expected ", N);
        std::string_view after = rest;
        const std::string_view word = next_word(after);
        if (!parse_cost(word, out.second[i]))
            return malformed("\"", shown_from<40>(word, 0), "\" is no objective, which is as 0x1.8p+1, or inf or nan");
        rest = after;
    }
    if (!rest.empty() || line.ends_with(' ')) return malformed("there is more behind ", N, " objectives");
    return out;
}

} // namespace lutra::detail
