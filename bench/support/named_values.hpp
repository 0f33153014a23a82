// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstdio>
#include <map>
#include <string>

namespace bench {

/// What a program measures: the lines "<name> <value>" that @p command prints; empty where it fails.
inline std::map<std::string, double> named_values(const std::string& command) {
    std::map<std::string, double> values;
    std::FILE* const pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
    if (pipe == nullptr) return values;
    std::array<char, 64> name{};
    for (double value = 0; std::fscanf(pipe, "%63s %lf", name.data(), &value) == 2;) values[name.data()] = value;
    return ::pclose(pipe) == 0 ? values : std::map<std::string, double>{};
}

} // namespace bench
