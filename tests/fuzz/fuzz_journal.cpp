// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The first byte says in what pieces the rest is read: a journal reads the same in any, and what it takes it writes again.
#include "fuzz.hpp"

#include <lutra/search/detail/journal_reader.hpp>

#include <algorithm>
#include <bit>
#include <string>

namespace {

template <class Genome, std::size_t N>
struct reading {
    lutra::detail::journal_reader<Genome, N> reader{"fuzz"};
    lutra::status state = lutra::ok();

    reading(std::string_view text, std::size_t piece) {
        for (std::size_t at = 0; at < text.size() && state; at += piece) state = reader.feed(text.substr(at, piece));
        if (state) state = reader.finish();
    }
};

template <class Genome, std::size_t N>
void fuzz(std::string_view text, std::size_t piece) {
    reading<Genome, N> pieces{text, piece}, whole{text, std::max<std::size_t>(text.size(), 1)};
    check(pieces.state.has_value() == whole.state.has_value(), "a journal reads the same in any pieces");
    check(pieces.reader.whole() == whole.reader.whole(), "a journal is as long in any pieces");
    if (!whole.state) {
        check(!whole.state.error().message.empty(), "an error has a sentence");
        check(whole.state.error().message == pieces.state.error().message, "a fault is worded the same in any pieces");
        check(whole.state.error().offset <= text.size(), "a fault is in the file");
        return;
    }
    auto& held = whole.reader.evaluations();
    check(whole.reader.whole() <= text.size(), "whole lines are in the file");
    check(held.size() <= text.size() / 4, "an evaluation takes its bytes");
    std::string written = whole.reader.header();
    for (const auto& [genome, costs] : held) {
        check(genome.size() <= lutra::detail::journal_genes<Genome>::most, "a genome has its genes");
        lutra::detail::append_journal_line<Genome, N>(written, genome, costs);
    }
    reading<Genome, N> again{written, written.size()};
    check(again.state.has_value() && again.reader.whole() == written.size(), "what was written is a journal");
    const auto same = [](const auto& a, const auto& b) {
        using bits = std::array<std::uint64_t, N>;
        return a.first == b.first && std::bit_cast<bits>(a.second) == std::bit_cast<bits>(b.second);
    };
    auto& read = again.reader.evaluations();
    check(std::equal(held.begin(), held.end(), read.begin(), read.end(), same), "evaluations round trip");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const std::size_t piece = std::size_t{1} + data[0] % 16;
    fuzz<lutra::choice_genome<8>, 2>(text, piece);
    fuzz<std::array<std::int64_t, 2>, 1>(text, piece);
    return 0;
}
