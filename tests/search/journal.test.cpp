// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/search/journal.hpp>

#include "search/journal_support.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <bit>
#include <csignal>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

using genome = lutra::choice_genome<4>;
using journal = lutra::evaluation_journal<genome, 2>;
using costs = lutra::objectives<2>;
using lutra::error_code;
using limits = std::numeric_limits<double>;

const std::string header = "lutra_journal 1 2 four choices\n";

genome row(std::initializer_list<std::uint16_t> genes) {
    genome g{.length = genes.size()};
    std::copy(genes.begin(), genes.end(), g.gene.begin());
    return g;
}
auto open(const std::filesystem::path& path, const lutra::journal_options& options = {}) {
    return journal::open(path, "four choices", options);
}
/// Adds one evaluation.
lutra::status add(journal& to, const genome& g, const costs& c) { return to.append(std::span{&g, 1}, std::span{&c, 1}); }

template <class Objectives>
bool same_bits(const Objectives& a, const Objectives& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (std::bit_cast<std::uint64_t>(a[i]) != std::bit_cast<std::uint64_t>(b[i])) return false;
    return true;
}

/// Numbers that are hard to write.
const std::vector<costs> hard{{0.0, -0.0},
                              {1.0 / 3, -2.0 / 7},
                              {limits::denorm_min(), -limits::denorm_min()},
                              {limits::min(), limits::min() - limits::denorm_min()},
                              {limits::max(), limits::lowest()},
                              {limits::infinity(), -limits::infinity()},
                              {limits::quiet_NaN(), 1.5},
                              lutra::infeasible<2>(),
                              {1e22, 0x1.fffffffffffffp-3}};

} // namespace

TEST_CASE("a journal gives back every number to the bit, and its text is what it was") {
    const journal_folder folder;
    std::vector<genome> genomes;
    {
        journal first = must(open(folder / "j"));
        CHECK(first.size() == 0);
        for (std::size_t i = 0; i < hard.size(); ++i) genomes.push_back(row({static_cast<std::uint16_t>(i), 65535, 0}));
        must(first.append(genomes, hard));
        must(add(first, row({}), {1, 2}));
        must(add(first, row({1, 2, 3, 4}), {-3, 0.75}));
        must(add(first, row({1, 2, 3, 4}), {9, 9})); // it holds that one
        must(add(first, row({1, 2, 3}), {limits::signaling_NaN(), -limits::quiet_NaN()}));
        CHECK(first.size() == hard.size() + 3);
    }
    const journal again = must(open(folder / "j"));
    CHECK(again.size() == hard.size() + 3);
    for (std::size_t i = 0; i < hard.size(); ++i) {
        const costs* const held = again.recall(genomes[i]);
        REQUIRE(held != nullptr);
        CHECK(same_bits(*held, hard[i]));
    }
    CHECK(again.recall(row({})) != nullptr);
    CHECK(*again.recall(row({1, 2, 3, 4})) == costs{-3, 0.75});
    CHECK_FALSE(lutra::feasible(*again.recall(row({1, 2, 3}))));
    CHECK(again.recall(row({1, 2})) == nullptr);
    CHECK(again.recall(row({1, 2, 3, 5})) == nullptr);
    CHECK(contents(folder / "j") == header + "0 65535 0 : 0x0p+0 -0x0p+0\n"
                                             "1 65535 0 : 0x1.5555555555555p-2 -0x1.2492492492492p-2\n"
                                             "2 65535 0 : 0x0.0000000000001p-1022 -0x0.0000000000001p-1022\n"
                                             "3 65535 0 : 0x1p-1022 0x0.fffffffffffffp-1022\n"
                                             "4 65535 0 : 0x1.fffffffffffffp+1023 -0x1.fffffffffffffp+1023\n"
                                             "5 65535 0 : inf -inf\n"
                                             "6 65535 0 : nan 0x1.8p+0\n"
                                             "7 65535 0 : nan nan\n"
                                             "8 65535 0 : 0x1.0f0cf064dd592p+73 0x1.fffffffffffffp-3\n"
                                             ": 0x1p+0 0x1p+1\n"
                                             "1 2 3 4 : -0x1.8p+1 0x1.8p-1\n"
                                             "1 2 3 : nan nan\n");
}

TEST_CASE("a journal holds arrays of any integer, in a row of fixed length") {
    const journal_folder folder;
    const auto round_trip = [&]<class T>(const char* name, T) {
        using row_type = std::array<T, 3>;
        using row_journal = lutra::evaluation_journal<row_type, 1>;
        const std::array<row_type, 2> rows{row_type{std::numeric_limits<T>::min(), T{1}, std::numeric_limits<T>::max()},
                                           row_type{}};
        const std::array<lutra::objectives<1>, 2> values{{{1.0}, {2.0}}};
        must(must(row_journal::open(folder / name, "rows")).append(rows, values));
        {
            const row_journal again = must(row_journal::open(folder / name, "rows"));
            for (std::size_t i = 0; i < 2; ++i) {
                REQUIRE(again.recall(rows[i]) != nullptr);
                CHECK(*again.recall(rows[i]) == values[i]);
            }
        }
        const std::string whole = contents(folder / name);
        put(folder / name, whole + "1 1 : 0x1p+0\n");
        refused(row_journal::open(folder / name, "rows"), error_code::malformed, "line 4: there are 2 genes, expected 3");
        put(folder / name, whole + "1 1 1 1 : 0x1p+0\n");
        refused(row_journal::open(folder / name, "rows"), error_code::malformed, "line 4: there are more genes than 3");
    };
    round_trip("i8", std::int8_t{});
    round_trip("u8", std::uint8_t{});
    round_trip("i64", std::int64_t{});
    round_trip("u64", std::uint64_t{});
    round_trip("bool", bool{});
}

TEST_CASE("a last line that was torn is dropped, wherever it was torn") {
    const journal_folder folder;
    const std::string kept = header + "1 2 : 0x1p+0 0x1p+1\n", last = "3 4 : 0x1.8p+0 nan\n";
    for (std::size_t length = 0; length < last.size(); ++length) {
        put(folder / "j", kept + last.substr(0, length));
        journal torn = must(open(folder / "j"));
        CHECK(torn.size() == 1);
        CHECK(contents(folder / "j") == kept);
        must(add(torn, row({3, 4}), {1.5, limits::quiet_NaN()}));
        CHECK(contents(folder / "j") == kept + last);
    }
    for (std::size_t length = 0; length < header.size(); ++length) {
        put(folder / "j", header.substr(0, length));
        CHECK(must(open(folder / "j")).size() == 0);
        CHECK(contents(folder / "j") == header);
    }
    put(folder / "j", kept + std::string(50, '\0')); // what a power cut may leave
    CHECK(must(open(folder / "j")).size() == 1);
    CHECK(contents(folder / "j") == kept);
}

TEST_CASE("a journal of something else is refused and stays as it is") {
    const journal_folder folder;
    const auto refuse = [&](const std::string& text, error_code code, std::string_view part) {
        put(folder / "j", text);
        refused(open(folder / "j"), code, part);
        CHECK(contents(folder / "j") == text);
    };
    refuse("lutra_journal 1 2 five choices\n", error_code::mismatch,
           "j: it belongs to another search: \"five choices\", expected \"four choices\"");
    refuse("lutra_journal 1 2 four choices and more\n1 : 0x1p+0 0x1p+0\n", error_code::mismatch, "four choices and more");
    refuse("lutra_journal 1 3 four choices\n", error_code::mismatch, "a journal of 3 objectives, expected 2");
    refuse("lutra_journal 2 2 four choices\n", error_code::unsupported, "a journal of version 2, expected 1");
    refuse("lutra_journal \n", error_code::unsupported, "a journal of version , expected 1");
    refuse("dear diary,\n", error_code::malformed, "it is no journal of evaluations: it begins with \"dear diary,\"");
    refuse("dear diary", error_code::malformed, "dear diary");
    refuse("\n", error_code::malformed, "it is no journal");
    refuse(std::string(3, '\0'), error_code::malformed, "???");
    refuse(header + header, error_code::malformed, "line 2");
    refuse(std::string(10'000, 'x') + "\n", error_code::malformed, "it begins with \"xxx");

    // Both identities are shown from where they part.
    const std::string common(2000, 'c');
    static_cast<void>(must(journal::open(folder / "long", common + "this" + common)));
    const auto other = journal::open(folder / "long", common + "that" + common);
    refused(other, error_code::mismatch, "ccthisccc");
    refused(other, error_code::mismatch, "ccthatccc");
    refused(journal::open(folder / "long", common), error_code::mismatch, "ccccc\"");
}

TEST_CASE("an identity is a line of text") {
    const journal_folder folder;
    CHECK(refused(journal::open(folder / "j", "two\nlines"), error_code::malformed, "byte 3") == 3);
    refused(journal::open(folder / "j", std::string_view{"\0", 1}), error_code::malformed, "byte 0");
    refused(journal::open(folder / "j", std::string(4097, 'x')), error_code::malformed, "byte 4096");
    CHECK_FALSE(std::filesystem::exists(folder / "j"));
    for (const std::string& identity : {std::string(4096, 'x'), std::string{}, std::string{"  spaces \xc3\xa9 "}}) {
        static_cast<void>(must(journal::open(folder / "j", identity)));
        static_cast<void>(must(journal::open(folder / "j", identity)));
        std::filesystem::remove(folder / "j");
    }
}

TEST_CASE("a malformed line is refused with its number and its byte") {
    const journal_folder folder;
    const std::string good = "1 2 : 0x1p+0 0x1p+1\n";
    const auto refuse = [&](std::string_view line, std::string_view part, std::size_t byte) {
        const std::string text = header + good + std::string{line} + "\n" + good;
        put(folder / "j", text);
        const auto opened = open(folder / "j");
        CHECK(refused(opened, error_code::malformed, part) == header.size() + good.size() + byte);
        refused(opened, error_code::malformed, "j: line 3");
        CHECK(contents(folder / "j") == text);
    };
    refuse("", "there is no colon between genes and objectives", 0);
    refuse("1 2", "there is no colon", 3);
    refuse("1 2 0x1p+0 0x1p+1", "\"0x1p+0\" is no gene, which is a whole number up to 65535", 4);
    refuse("1 65536 : 0x1p+0 0x1p+1", "\"65536\" is no gene", 2);
    refuse("99999999999999999999999999999999 : 0x1p+0 0x1p+1", "\"99999999999999999999999999999999\" is no gene", 0);
    refuse("1 -1 : 0x1p+0 0x1p+1", "\"-1\" is no gene", 2);
    refuse("+1 : 0x1p+0 0x1p+1", "\"+1\" is no gene", 0);
    refuse("1.0 : 0x1p+0 0x1p+1", "\"1.0\" is no gene", 0);
    refuse("1  2 : 0x1p+0 0x1p+1", "\"\" is no gene", 2);
    refuse(" 1 : 0x1p+0 0x1p+1", "\"\" is no gene", 0);
    refuse("1\t2 : 0x1p+0 0x1p+1", "\"1?2\" is no gene", 0);
    refuse(std::string_view{"1\0 : 0x1p+0 0x1p+1", 18}, "\"1?\" is no gene", 0);
    refuse("1 2 3 4 5 : 0x1p+0 0x1p+1", "there are more genes than 4", 8);
    refuse("1 2 :", "there are 0 objectives, expected 2", 5);
    refuse("1 2 : 0x1p+0", "there are 1 objectives, expected 2", 12);
    refuse("1 2 : 0x1p+0 0x1p+1 0x1p+2", "there is more behind 2 objectives", 20);
    refuse("1 2 : 0x1p+0 0x1p+1 ", "there is more behind 2 objectives", 20);
    refuse("1 2 : 0x1p+0  0x1p+1", "\"\" is no objective", 13);
    refuse("1 2 : 1.5 0x1p+1", "\"1.5\" is no objective, which is as 0x1.8p+1, or inf or nan", 6);
    for (const char* word :
         {"0x", "x", "-", "0xp+0", "0x1p", "0x1p+0x", "0x-1p+0", "--0x1p+0", "+0x1p+0", "-nan", "NaN", "infinity", "0xinf",
          "0xnan", "nan(1)", "0x1p+1024", "0x1p-2000", "0x1p+99999999999999", "0X1p+0"})
        refuse("1 2 : 0x1p+0 " + std::string{word}, "\"" + std::string{word} + "\" is no objective", 13);
    refuse("1 2 : 0x1p+0 0x1.8p+1", "gives other objectives than an earlier line gives the same candidate", 0);
    refuse("1 2 : 0x1p+0 nan", "gives other objectives", 0);
    refuse(std::string(200, '1'), "is longer than 148 bytes", 0);
    refuse("1 2 : 0x1." + std::string(130, '0') + "p+0 0x1p+1", "is longer than 148 bytes", 0);
    refuse(good.substr(0, good.size() - 1) + "\r", "\"0x1p+1?\" is no objective", 13);

    put(folder / "j", header + good + good); // says nothing new
    CHECK(must(open(folder / "j")).size() == 1);
}

TEST_CASE("a file without end is not read to its end") {
    const journal_folder folder;
    const auto grow = [&](const std::string& start) {
        put(folder / "j", start);
        std::filesystem::resize_file(folder / "j", std::uintmax_t{1} << 40); // sparse: reading all of it takes an hour
    };
    grow(header);
    refused(open(folder / "j"), error_code::malformed, "line 2 is longer than 148 bytes");
    grow("");
    refused(open(folder / "j"), error_code::malformed, "it is no journal");
    grow(header.substr(0, 8));
    refused(open(folder / "j"), error_code::malformed, "it begins with \"lutra_jo????");

    std::string many = header;
    for (int i = 0; i < 1000; ++i) many += std::to_string(i) + " : 0x1p+0 0x1p+0\n";
    put(folder / "j", many);
    CHECK(must(open(folder / "j", {.max_bytes = many.size()})).size() == 1000);
    refused(open(folder / "j", {.max_bytes = many.size() - 1}), error_code::wrong_size,
            "j: the file is larger than the limit");
}

TEST_CASE("a journal that cannot be written says why") {
    const journal_folder folder;
    refused(open(folder / "no_folder/j"), error_code::io, "no_folder/j: cannot open it: No such file");
    put(folder / "file", "");
    refused(open(folder / "file/j"), error_code::io, "Not a directory");
    refused(open(folder.path), error_code::io, "Is a directory");
    refused(open("/dev/null"), error_code::io, "/dev/null: it is not a regular file");
    const std::string deep = (folder / "deep").string() + "/" + std::string(200, 'd') + "/j";
    refused(open(deep), error_code::io, "...ddd");

    // A full disk, as far as a process can feel one: nothing of the batch stays.
    journal full = must(open(folder / "j"));
    must(add(full, row({1}), {1, 1}));
    const std::string before = contents(folder / "j");
    std::vector<genome> genomes;
    for (std::uint16_t i = 2; i < 100; ++i) genomes.push_back(row({i}));
    const std::vector<costs> values(genomes.size(), costs{1, 2});
    ::rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    const ::rlimit little{.rlim_cur = before.size() + 100, .rlim_max = old.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &little) == 0);
    const lutra::status written = full.append(genomes, values);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
    std::signal(SIGXFSZ, ignored);
    refused(written, error_code::io, "j: cannot write it: File too large");
    CHECK(contents(folder / "j") == before);
    CHECK(full.size() == 1);
    CHECK(full.recall(genomes[0]) == nullptr);
    must(full.append(genomes, values));
    CHECK(full.size() == 99);

    REQUIRE_PANIC(full.append(genomes, std::span{values}.first(3)), bad_shape);
}

TEST_CASE("a journal belongs to one search at a time") {
    const journal_folder folder;
    constexpr std::string_view sentence = "another search writes to this journal";
    {
        const journal first = must(open(folder / "j"));
        refused(open(folder / "j"), error_code::io, sentence);
        refused(journal::open(folder / "j", "five choices"), error_code::io, sentence);
        static_cast<void>(must(open(folder / "j", {.lock = false})));
        refused(open(folder / "j"), error_code::io, sentence); // still
        const ::pid_t child = ::fork();
        if (child == 0) {
            const auto second = open(folder / "j");
            ::_exit(!second && second.error().message.view().find(sentence) != std::string_view::npos ? 0 : 1);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    }
    static_cast<void>(must(open(folder / "j")));
}
