// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/stopwatch.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// @file
/// The table of ratios: what each room measures of itself against others, in one run, and what it owes. A room adds a source
/// file to the executable `lutra_ratios` in which an object of type `room` names a function; the function measures and adds
/// rows.
///
/// @code
/// const bench::room gemm{"gemm", [](bench::ratios& table) { table.add({.name = "float/gemm", ...}); }};
/// @endcode

namespace bench {

/// A line of the table. A ratio is always "how many times as good as the other side", so that more is better; `value` is
/// our side alone, in `unit`.
struct ratio_row {
    std::string name;
    std::optional<double> ratio{}; ///< none: the other side is not on this machine
    double value = 0;
    std::string unit = "G products/s";
    bool higher_is_better = true;         ///< of the value
    std::optional<double> at_least{};     ///< of the ratio; none: the row is for information
    std::optional<double> stretch{};      ///< of the ratio
    std::optional<std::string> against{}; ///< the other side; none: it is not on this machine
};

/// The table as it grows.
class ratios {
public:
    explicit ratios(effort much) : much_{much} {}

    void add(ratio_row row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] const std::vector<ratio_row>& rows() const { return rows_; }
    [[nodiscard]] effort much() const { return much_; }

private:
    effort much_;
    std::vector<ratio_row> rows_;
};

/// A room's part of the table; enrols itself. Rooms are measured in the order of their names.
struct room {
    using function = void (*)(ratios&);

    room(std::string name, function measure) { all().emplace_back(std::move(name), measure); }
    [[nodiscard]] static std::vector<std::pair<std::string, function>>& all() {
        static std::vector<std::pair<std::string, function>> rooms;
        return rooms;
    }
};

} // namespace bench
