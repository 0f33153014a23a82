// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/config.hpp>
#include <lutra/multiplier/builtin_multipliers.hpp>

#include <algorithm>
#include <cstring>
#include <string_view>
#if LUTRA_USE_ZLIB
    #include <zlib.h>
#endif

namespace {

program_result characterize(const std::string& arguments) { return run(std::string{LUTRA_CHARACTERIZE} + " " + arguments); }

bool says(const program_result& r, std::string_view words) {
    UNSCOPED_INFO(r.output);
    return r.output.find(words) != std::string::npos;
}
void require_refused(const std::string& arguments, const std::vector<std::string>& words) {
    const auto r = characterize(arguments);
    INFO(arguments);
    CHECK(r.status == 2);
    for (const std::string& word : words) CHECK(says(r, word));
}

/// The lines without the first, which has the name.
std::string figures(const std::string& output) { return output.substr(output.find('\n')); }

std::vector<std::byte> value_table(int lost_bits) {
    std::vector<std::byte> bytes;
    for (int a = -128; a < 128; ++a)
        for (int b = -128; b < 128; ++b) {
            const int p = (a & -(1 << lost_bits)) * b;
            bytes.push_back(static_cast<std::byte>(p & 255));
            bytes.push_back(static_cast<std::byte>(p >> 8 & 255));
        }
    return bytes;
}

} // namespace

TEST_CASE("characterize prints the figures of a built-in multiplier") {
    const auto r = characterize("drum4");
    CHECK(r.status == 0);
    for (const std::string_view words : {"drum4\n", "0.3673 % of 2^16", "5.8600 %", "4352 (6.6406 %", "94.6976 %", "0.647",
                                         "-17280 to 20736", "rank                        1\n", "plan"})
        CHECK(says(r, words));
    CHECK(says(characterize("exact"), "exact plan"));
    CHECK(says(characterize("mitchell"), "rank                        64\n"));
}

TEST_CASE("characterize --all has a row for each built-in multiplier") {
    const auto markdown = characterize("--all"), csv = characterize("--all --format csv");
    CHECK(markdown.status == 0);
    CHECK(csv.status == 0);
    const auto lines = [](const program_result& r) {
        return static_cast<std::size_t>(std::count(r.output.begin(), r.output.end(), '\n'));
    };
    CHECK(lines(markdown) == lutra::builtin_multipliers::size + 2);
    CHECK(lines(csv) == lutra::builtin_multipliers::size + 1);
    lutra::for_each_builtin([&]<lutra::multiplier M>(M) {
        CHECK(says(markdown, "| `" + std::string{M::name} + "` |"));
        CHECK(says(csv, "\n" + std::string{M::name} + ","));
    });
}

TEST_CASE("one circuit as a file and as a function of a shared object") {
    const scratch_folder folder;
    write_bytes(folder / "circuit.bin", value_table(2));
    const auto file = characterize(folder / "circuit.bin --table-order value --power 0.5");
    CHECK(file.status == 0);
    CHECK(says(file, "relative power              0.500"));
    const std::string library = "--library " LUTRA_CIRCUIT " --power 0.5 --function ";
    for (const std::string function : {"by_bits --types u8", "by_wide_bits --types u64", "by_values --types i8",
                                       "by_wide_values --types i32"}) {
        const auto r = characterize(library + function);
        CHECK(r.status == 0);
        CHECK(figures(r.output) == figures(file.output));
    }
    const auto exact = characterize(library + "unsigned_exact --operands unsigned");
    CHECK(says(exact, "worst-case error            0 "));
    CHECK(says(exact, "0 to 65025"));
}

TEST_CASE("the heat map") {
    const scratch_folder folder;
    write_bytes(folder / "circuit.bin", value_table(7)); // activations from 0 to 127 become 0, others -128
    const std::string arguments = folder / "circuit.bin --table-order value --heat-map ";
    CHECK(characterize(arguments + folder / "map.svg").status == 0);
    const auto svg = *lutra::read_file(folder / "map.svg");
    const std::string text(reinterpret_cast<const char*>(svg.data()), svg.size());
    CHECK(text.find("</svg>") != std::string::npos);
    // The top row is activation -128, which is exact: one white run. The bottom row is 127, whose products are all lost: too
    // large where the weight is negative (left), too small where it is positive.
    CHECK(text.find("<rect x=\"0\" y=\"0\" width=\"256\" height=\"1\" fill=\"#ffffff\"/>") != std::string::npos);
    CHECK(text.find("<rect x=\"0\" y=\"255\" width=\"1\" height=\"1\" fill=\"#b2182b\"/>") != std::string::npos);
    CHECK(text.find("<rect x=\"255\" y=\"255\" width=\"1\" height=\"1\" fill=\"#2") != std::string::npos);
#if LUTRA_USE_ZLIB
    CHECK(characterize(arguments + folder / "map.png").status == 0);
    const auto png = *lutra::read_file(folder / "map.png");
    const auto* p = reinterpret_cast<const unsigned char*>(png.data());
    const auto word = [&](std::size_t i) {
        return std::uint32_t{p[i]} << 24 | std::uint32_t{p[i + 1]} << 16 | std::uint32_t{p[i + 2]} << 8 | p[i + 3];
    };
    REQUIRE(png.size() > 57);
    CHECK(std::memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0);
    CHECK(word(16) == 256);
    CHECK(word(20) == 256);
    std::vector<unsigned char> pixels;
    for (std::size_t at = 8; at + 12 <= png.size();) {
        const std::size_t size = word(at);
        REQUIRE(at + 12 + size <= png.size());
        CHECK(crc32(0, p + at + 4, static_cast<uInt>(size + 4)) == word(at + 8 + size));
        if (std::memcmp(p + at + 4, "IDAT", 4) == 0) {
            pixels.resize(256 * 769);
            uLongf length = pixels.size();
            CHECK(uncompress(pixels.data(), &length, p + at + 8, static_cast<uLong>(size)) == Z_OK);
            CHECK(length == pixels.size());
        }
        at += 12 + size;
    }
    REQUIRE(pixels.size() == 256 * 769);
    CHECK(pixels[1] == 255);
    CHECK(pixels[255 * 769 + 1] == 178); // bottom left: red
    CHECK(pixels[255 * 769 + 2] == 24);
#endif
}

TEST_CASE("characterize refuses bad input in a sentence") {
    const scratch_folder folder;
    auto bytes = value_table(2);
    bytes.resize(bytes.size() - 1000);
    write_bytes(folder / "cut.bin", bytes);
    write_bytes(folder / "noise.so", std::vector<std::byte>(100));
    const std::string library = "--library " LUTRA_CIRCUIT " ";
    require_refused("drum99", {"error: ", "'drum99'", "mitchell"});
    require_refused(folder / "cut.bin", {"error: ", "130072", "131072"});
    require_refused("", {"error: ", "one of the three"});
    require_refused("drum4 --speed", {"error: ", "--all"});
    require_refused("drum4 --all", {"error: ", "2 were given"});
    require_refused(library, {"error: ", "--function"});
    require_refused(library + "--function nothing", {"error: ", "'nothing'"});
    require_refused(library + "--function by_bits --types f32", {"f32"});
    require_refused("--library " + folder / "absent.so --function f", {"error: ", "absent.so"});
    require_refused("--library " + folder / "noise.so --function f", {"error: ", "noise.so"});
    require_refused("drum4 --heat-map map.jpeg", {"error: ", ".jpeg"});
    require_refused("--all --heat-map map.svg", {"error: ", "--all"});
    require_refused("drum4 --heat-map " + folder / "no/such/map.svg", {"error: ", "map.svg"});
}
