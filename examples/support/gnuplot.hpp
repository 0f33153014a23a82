// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"

#include <lutra/io/file.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>
#if defined(__unix__) || defined(__APPLE__)
    #include <unistd.h>
#endif

/// The image that gnuplot draws from a script, which must not set an output, for the option @p option of the command line.
/// Ends the program with a sentence where there is no gnuplot, or where it fails.
[[nodiscard]] inline std::vector<std::byte> draw(const std::string& script, std::string_view option = "--plot") {
#if defined(__unix__) || defined(__APPLE__)
    if (std::system("command -v gnuplot >/dev/null 2>&1") != 0)
        fail(std::string{option} + " needs gnuplot, which was not found: install it (Debian: gnuplot-nox)");
    std::string path = (std::filesystem::temp_directory_path() / "lutra-plot-XXXXXX").string();
    const int fd = mkstemp(path.data());
    std::FILE* file = fd < 0 ? nullptr : fdopen(fd, "w");
    if (file == nullptr) fail("no file for a gnuplot script can be made in the folder for temporary files");
    const bool written = std::fwrite(script.data(), 1, script.size(), file) == script.size();
    const bool closed = std::fclose(file) == 0;

    std::vector<std::byte> image;
    int status = -1;
    if (written && closed)
        if (std::FILE* pipe = popen(("gnuplot '" + path + "'").c_str(), "r"); pipe != nullptr) {
            std::array<std::byte, 4096> buffer{};
            for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
                image.insert(image.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
            status = pclose(pipe);
        }
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    if (status != 0 || image.empty()) fail("gnuplot could not draw the plot; what it said stands above");
    return image;
#else
    static_cast<void>(script);
    fail(std::string{option} + " needs a system with pipes, to ask gnuplot");
#endif
}

[[nodiscard]] inline bool is_image(const std::filesystem::path& path) {
    return path.extension() == ".png" || path.extension() == ".svg";
}
/// Draws @p script of @p width x @p height for the option @p option of the command line to @p path: PNG, else SVG.
inline void write_plot(const std::filesystem::path& path, std::string_view option, int width, int height,
                       const std::string& script) {
    std::ostringstream all;
    all << "set terminal " << (path.extension() == ".png" ? "pngcairo" : "svg") << " size " << width << ',' << height
        << " noenhanced\nset grid\n"
        << script;
    if (const auto s = lutra::write_file_atomically(path, draw(all.str(), option)); !s) fail(s.error().message);
}
