// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/result.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

/// A folder of its own that goes away with the test.
struct journal_folder {
    std::filesystem::path path;

    journal_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "lutra_journal_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    journal_folder(const journal_folder&) = delete;
    journal_folder& operator=(const journal_folder&) = delete;
    ~journal_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path operator/(const char* name) const { return path / name; }
};

inline std::string contents(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}
inline void put(const std::filesystem::path& path, std::string_view text) {
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    out << text;
    REQUIRE(out.good());
}

/// Requires a value, and shows the sentence where there is none.
template <class T>
T must(lutra::result<T> r) {
    INFO((r.has_value() ? std::string{} : std::string{r.error().message.view()}));
    REQUIRE(r.has_value());
    return *std::move(r);
}
/// Requires that @p r failed with @p code and that its sentence holds @p part. @returns the offset.
template <class T>
std::uint64_t refused(const lutra::result<T>& r, lutra::error_code code, std::string_view part) {
    REQUIRE_FALSE(r.has_value());
    const std::string message{r.error().message.view()};
    INFO(message);
    CHECK(static_cast<int>(r.error().code) == static_cast<int>(code));
    CHECK(message.find(part) != std::string::npos);
    return r.error().offset;
}
