// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#if defined(__unix__) || defined(__APPLE__)
    #include <unistd.h>
#endif

/// A bar on standard error, redrawn at most ten times a second, and only where a person can see it.
class progress_bar {
public:
    explicit progress_bar(bool wanted = true) {
#if defined(__unix__) || defined(__APPLE__)
        visible_ = wanted && isatty(STDERR_FILENO) == 1;
#else
        visible_ = wanted;
#endif
    }
    /// Shows @p done of @p all with a few words.
    void show(std::string_view title, std::size_t done, std::size_t all, std::string_view words) {
        const auto now = std::chrono::steady_clock::now();
        if (!visible_ || (done < all && now - last_ < std::chrono::milliseconds{100})) return;
        last_ = now;
        constexpr std::size_t width = 24;
        const std::size_t filled = all == 0 ? width : std::min(width, done * width / all);
        const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
        std::fprintf(stderr, "\r\033[K%.*s [%s] %.*s", static_cast<int>(title.size()), title.data(), bar.c_str(),
                     static_cast<int>(words.size()), words.data());
        std::fflush(stderr);
    }
    /// Takes the bar away.
    void clear() {
        if (visible_) std::fputs("\r\033[K", stderr);
    }

private:
    bool visible_ = false;
    std::chrono::steady_clock::time_point last_{};
};
