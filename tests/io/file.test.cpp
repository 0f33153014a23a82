// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"

#include <lutra/io/file.hpp>

#include <csignal>
#include <sys/resource.h>

namespace fs = std::filesystem;
using lutra::error_code;

TEST_CASE("a file comes back as it was written, at sizes around the reader's steps") {
    const temp_folder folder;
    for (const std::size_t size : {0u, 1u, 65535u, 65536u, 65537u, 200000u}) {
        std::vector<std::byte> bytes(size);
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
        require_value(lutra::write_file_atomically(folder / "x", bytes));
        const auto back = lutra::read_file(folder / "x");
        require_value(back);
        CHECK(*back == bytes);
        CHECK(folder.entries() == 1);
    }
}

TEST_CASE("a file may have the limit's size and not one byte more") {
    const temp_folder folder;
    write_plain(folder / "x", to_bytes("12345678"));
    CHECK(lutra::read_file(folder / "x", 8).has_value());
    require_error(lutra::read_file(folder / "x", 7), error_code::wrong_size, "limit of 7 bytes");
    CHECK(fs::exists("/dev/zero"));
    require_error(lutra::read_file("/dev/zero", 100000), error_code::wrong_size,
                  "limit of 100000 bytes"); // says its size is 0
}

TEST_CASE("what the system refuses is said with the path and the reason") {
    const temp_folder folder;
    require_error(lutra::read_file(folder / "absent"), error_code::io, "absent: cannot open it: No such file or directory");
    require_error(lutra::read_file(folder.path), error_code::io, "cannot read it: Is a directory");
    require_error(lutra::write_file_atomically(folder.path / "no" / "x", to_bytes("x")), error_code::io,
                  "x: cannot write beside it: No such file or directory");
    require_error(lutra::write_file_atomically(folder.path, to_bytes("x")), error_code::io, "not a regular file");
    CHECK(folder.entries() == 0);
}

TEST_CASE("a write that fails half-way leaves the old file and nothing else") {
    const temp_folder folder;
    write_plain(folder / "x", to_bytes("old"));
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4096, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto failed = lutra::write_file_atomically(folder / "x", std::vector<std::byte>(1 << 20));
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    require_error(failed, error_code::io, "x: cannot write it: File too large");
    CHECK(*lutra::read_file(folder / "x") == to_bytes("old"));
    CHECK(folder.entries() == 1);
}

TEST_CASE("a reader that holds the old file open keeps seeing it whole") {
    const temp_folder folder;
    write_plain(folder / "x", to_bytes("old"));
    std::ifstream reader{folder / "x"};
    require_value(lutra::write_file_atomically(folder / "x", to_bytes("new and longer")));
    std::string seen;
    reader >> seen;
    CHECK(seen == "old");
    CHECK(*lutra::read_file(folder / "x") == to_bytes("new and longer"));
}

TEST_CASE("what a crashed writer left behind is stepped over, not overwritten") {
    const temp_folder folder;
    write_plain(folder / "x.part0", to_bytes("left"));
    require_value(lutra::write_file_atomically(folder / "x", to_bytes("new")));
    CHECK(*lutra::read_file(folder / "x.part0") == to_bytes("left"));
    CHECK(*lutra::read_file(folder / "x") == to_bytes("new"));
    for (int i = 1; i < 100; ++i) write_plain(folder.path / ("x.part" + std::to_string(i)), {});
    require_error(lutra::write_file_atomically(folder / "x", to_bytes("newer")), error_code::io, "File exists");
    CHECK(*lutra::read_file(folder / "x") == to_bytes("new"));
}

TEST_CASE("a symbolic link stays one and its target keeps its permissions") {
    const temp_folder folder;
    write_plain(folder / "target", to_bytes("old"));
    fs::permissions(folder / "target", fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
    fs::create_symlink("target", folder / "link");
    require_value(lutra::write_file_atomically(folder / "link", to_bytes("new")));
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(*lutra::read_file(folder / "target") == to_bytes("new"));
    CHECK(fs::status(folder / "target").permissions() ==
          (fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read));
}

TEST_CASE("sentences show the end of a long path and nothing that does not print") {
    CHECK(lutra::detail::shown_path("short").view() == "short");
    const std::string path = "/start" + std::string(200, 'a') + "/name";
    const auto shown = lutra::detail::shown_path(path);
    CHECK(shown.view().substr(0, 4) == "...a");
    CHECK(shown.view().size() == 123);
    CHECK(shown.view().substr(118) == "/name");
    CHECK(lutra::detail::shown("a\nb\x80").view() == "a?b?");
    CHECK(lutra::detail::shown<4>("abcd").view() == "abcd");
    CHECK(lutra::detail::shown<4>("abcde").view() == "abcd...");
    CHECK(lutra::detail::hex(0, 2).view() == "0x00");
    CHECK(lutra::detail::hex(0x803, 8).view() == "0x00000803");
    CHECK(lutra::detail::hex(~std::uint64_t{0}, 2).view() == "0xffffffffffffffff");
}
