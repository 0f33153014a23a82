// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"

#include <lutra/core/random.hpp>
#include <lutra/io/gzip.hpp>

using lutra::error_code;

#if LUTRA_USE_ZLIB
namespace {

std::vector<std::byte> zip(std::span<const std::byte> bytes) { return *lutra::gzip(bytes); }

std::vector<std::byte> joined(std::vector<std::byte> a, std::span<const std::byte> b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

} // namespace

TEST_CASE("gzip and back, compressible or not, from nothing to many buffers") {
    lutra::random_generator random{7};
    for (const std::size_t size : {0u, 1u, 63u, 64u, 1000u, 300000u}) {
        std::vector<std::byte> noise(size), zeros(size);
        for (auto& b : noise) b = static_cast<std::byte>(random.below(256));
        for (const auto& data : {noise, zeros}) {
            for (const int level : {1, 9}) {
                const auto packed = lutra::gzip(data, level);
                require_value(packed);
                CHECK(lutra::is_gzip(*packed));
                const auto back = lutra::gunzip(*packed);
                require_value(back);
                CHECK(*back == data);
            }
        }
    }
    CHECK(zip(to_bytes("same")) == zip(to_bytes("same")));
    REQUIRE_PANIC(lutra::gzip({}, 0), bad_argument);
    REQUIRE_PANIC(lutra::gzip({}, 10), bad_argument);
}

TEST_CASE("members follow each other and zeros may follow them") {
    const auto two = joined(zip(to_bytes("first, ")), zip(to_bytes("second")));
    CHECK(*lutra::gunzip(two) == to_bytes("first, second"));
    CHECK(*lutra::gunzip(joined(two, std::vector<std::byte>(512))) == to_bytes("first, second"));
    require_error(lutra::gunzip(joined(two, to_bytes("junk"))), error_code::malformed,
                  "4 bytes that are no gzip member follow");
    require_error(lutra::gunzip(joined(two, std::span{two}.first(5))), error_code::truncated, "before its end mark");
}

TEST_CASE("a stream cut at any byte is truncated") {
    const auto packed = zip(to_bytes("a text that is not so short that nothing can be cut from it, it, it"));
    for (std::size_t n = 0; n < packed.size(); ++n)
        require_error(lutra::gunzip(std::span{packed}.first(n)), error_code::truncated,
                      n < 2 ? "starts with 0x1f8b" : "ends after");
}

TEST_CASE("a changed byte is noticed: the header, the deflate stream, the checksum, the length") {
    const auto data = to_bytes("abcabcabcabcabcabcabcabc and something else");
    const auto packed = zip(data);
    require_error(lutra::gunzip(to_bytes("no")), error_code::malformed, "got 0x6e6f");
    for (std::size_t i = 0; i < packed.size(); ++i) {
        auto broken = packed;
        broken[i] ^= std::byte{0xff};
        const auto back = lutra::gunzip(broken);
        const bool free_header_byte = i >= 4 && i < 10; // time, extra flags and system mean nothing for the content
        INFO(i);
        CHECK(back.has_value() == free_header_byte);
    }
}

TEST_CASE("a bomb stops at the limit and a stream that just fits passes") {
    const auto bomb = zip(std::vector<std::byte>(10'000'000));
    CHECK(bomb.size() < 20000);
    require_error(lutra::gunzip(bomb, 1'000'000), error_code::wrong_size, "more than the limit of 1000000 bytes");
    require_error(lutra::gunzip(bomb, 9'999'999), error_code::wrong_size, "limit");
    CHECK(lutra::gunzip(bomb, 10'000'000)->size() == 10'000'000);
    CHECK(lutra::gunzip(zip({}), 0)->empty());
    require_error(lutra::gunzip(zip(to_bytes("x")), 0), error_code::wrong_size, "limit of 0 bytes");
    const auto two = joined(zip(to_bytes("12345")), zip(to_bytes("67890")));
    require_error(lutra::gunzip(two, 9), error_code::wrong_size, "limit of 9 bytes"); // the limit counts all members
    CHECK(lutra::gunzip(two, 10).has_value());
}

TEST_CASE("a file is unpacked where it is packed") {
    const temp_folder folder;
    write_plain(folder / "plain", to_bytes("text"));
    write_plain(folder / "packed", zip(to_bytes("text")));
    write_plain(folder / "broken", std::span<const std::byte>{zip(to_bytes("text"))}.first(12));
    CHECK(*lutra::read_file_unpacked(folder / "plain") == to_bytes("text"));
    CHECK(*lutra::read_file_unpacked(folder / "packed") == to_bytes("text"));
    require_error(lutra::read_file_unpacked(folder / "broken"), error_code::truncated, "broken: the gzip stream ends");
    require_error(lutra::read_file_unpacked(folder / "absent"), error_code::io, "absent");
}
#else
TEST_CASE("without zlib a gzip file is an error that says what to do") {
    const std::vector<std::byte> packed{std::byte{0x1f}, std::byte{0x8b}, std::byte{8}};
    require_error(lutra::gunzip(packed), error_code::unsupported, "this build has no zlib");
    require_error(lutra::gzip({}), error_code::unsupported, "this build has no zlib");
}
#endif
