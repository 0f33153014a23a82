// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/report.hpp>
#include <lutra/core/operation.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra::detail {

/// Accesses of one memory, in elements, and their bits.
struct memory_traffic {
    checked_count reads, writes, bits;
    constexpr void read(checked_count elements, std::uint64_t width) noexcept {
        reads += elements, bits += elements * width;
    }
    constexpr void write(checked_count elements, std::uint64_t width) noexcept {
        writes += elements, bits += elements * width;
    }
    constexpr memory_traffic& operator+=(const memory_traffic& other) noexcept {
        reads += other.reads, writes += other.writes, bits += other.bits;
        return *this;
    }
    [[nodiscard]] constexpr bool overflowed() const noexcept {
        return reads.overflowed() || writes.overflowed() || bits.overflowed();
    }
    /// A component with these accesses.
    [[nodiscard]] constexpr component_report report(std::string_view name, component_kind kind) const noexcept {
        return {.name = name,
                .kind = kind,
                .count = 1,
                .reads = static_cast<double>(reads.value()),
                .writes = static_cast<double>(writes.value()),
                .bits = static_cast<double>(bits.value())};
    }
};

/// The report of a machine that runs operations one after the other: @p report turns sums over operations into one, of all
/// of them and of each pass.
template <class Totals, class Report>
[[nodiscard]] constexpr accelerator_report report_by_pass(const std::array<Totals, 3>& passes, const Totals& all,
                                                          Report report) {
    accelerator_report r = report(all);
    for (std::size_t p = 0; p < passes.size(); ++p)
        r.passes[p] = {passes[p].cycles.value(), report(passes[p]).dynamic_energy()};
    return r;
}

/// Bits of an element.
[[nodiscard]] constexpr std::uint64_t width_of(const operand& o) noexcept { return static_cast<std::uint64_t>(o.bits); }

} // namespace lutra::detail
