// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/result.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A folder of its own that goes away with the test.
struct temp_folder {
    std::filesystem::path path;

    temp_folder() {
        for (int i = 0;; ++i) {
            path = std::filesystem::temp_directory_path() / ("lutra_io_test_" + std::to_string(i));
            if (std::filesystem::create_directory(path)) break;
        }
    }
    temp_folder(const temp_folder&) = delete;
    temp_folder& operator=(const temp_folder&) = delete;
    ~temp_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }

    std::filesystem::path operator/(const char* name) const { return path / name; }
    std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{path}, {}));
    }
};

inline std::vector<std::byte> to_bytes(std::string_view s) {
    const auto raw = std::as_bytes(std::span{s});
    return {raw.begin(), raw.end()};
}

inline void write_plain(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    std::ofstream out{path, std::ios::binary};
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    REQUIRE(out.good());
}

/// Requires that @p r failed with @p code and that its sentence holds @p part.
template <class T>
void require_error(const lutra::result<T>& r, lutra::error_code code, std::string_view part) {
    REQUIRE_FALSE(r.has_value());
    const std::string message{r.error().message.view()};
    INFO(message);
    CHECK(static_cast<int>(r.error().code) == static_cast<int>(code));
    CHECK(message.find(part) != std::string::npos);
}

/// Requires a value, and shows the sentence where there is none.
template <class T>
void require_value(const lutra::result<T>& r) {
    INFO((r.has_value() ? std::string{} : std::string{r.error().message.view()}));
    REQUIRE(r.has_value());
}
