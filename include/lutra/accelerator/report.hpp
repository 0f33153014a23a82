// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace lutra {

/// What a component of an accelerator is.
enum class component_kind : std::uint8_t {
    module, ///< computes
    buffer, ///< memory on the chip
    memory, ///< main memory
};

/// One kind of component, all of its copies together. Energies in nJ.
struct component_report {
    std::string_view name{};
    component_kind kind = component_kind::module;
    std::uint64_t count = 0;   ///< copies
    double area = 0;           ///< mm2, of all copies; main memory lies elsewhere and has none
    double dynamic_energy = 0; ///< nJ
    double leakage_energy = 0; ///< nJ
    std::uint64_t busy = 0;    ///< cycles in which a copy worked, summed over the copies
    double reads = 0;          ///< elements that were read from it (buffers and memories)
    double writes = 0;         ///< elements that were written to it
    double bits = 0;           ///< that went in and out, as stored

    [[nodiscard]] constexpr double energy() const noexcept { return dynamic_energy + leakage_energy; }
    /// The share of all copies' cycles in which they worked, of @p cycles cycles; 0 for none.
    [[nodiscard]] constexpr double utilization(std::uint64_t cycles) const noexcept {
        const double all = static_cast<double>(count) * static_cast<double>(cycles);
        return all > 0 ? static_cast<double>(busy) / all : 0;
    }
};

/// What the operations of one pass (operation_pass) take.
struct pass_report {
    std::uint64_t cycles = 0;  ///< from the end of the pass before it to its own; of operations in turn, those they take
    double dynamic_energy = 0; ///< nJ
};

/// What a workload takes on an accelerator. Energies in nJ, areas in mm2, times in seconds.
class accelerator_report {
public:
    static constexpr std::size_t capacity = 16; ///< components at most

    std::uint64_t cycles = 0;
    double frequency = 1e9;              ///< Hz
    std::uint64_t macs = 0;              ///< multiply-accumulates of the workload, nothing skipped
    double executed_macs = 0;            ///< those really made
    std::array<pass_report, 3> passes{}; ///< forward, backward, update; of a model that tells them apart

    /// Appends a component. Panics where there are `capacity` already.
    constexpr component_report& add(const component_report& c) {
        require(size_ < capacity, panic_code::out_of_range, "an accelerator_report has no room for another component",
                static_cast<long long>(size_), static_cast<long long>(capacity));
        return components_[size_++] = c;
    }
    [[nodiscard]] constexpr std::span<const component_report> components() const noexcept {
        return std::span{components_}.first(size_);
    }
    /// The component @p name; panics where there is none.
    [[nodiscard]] constexpr const component_report& component(std::string_view name) const {
        for (const component_report& c : components())
            if (c.name == name) return c;
        panic(panic_code::bad_argument, "an accelerator_report has no component of that name");
    }

    [[nodiscard]] constexpr double seconds() const noexcept { return static_cast<double>(cycles) / frequency; }
    /// Operations a second, two for each multiply-accumulate that was really made; 0 where nothing took time.
    [[nodiscard]] constexpr double operations_per_second() const noexcept {
        return cycles == 0 ? 0 : 2 * executed_macs / seconds();
    }
    [[nodiscard]] constexpr double dynamic_energy() const noexcept { return sum(&component_report::dynamic_energy); }
    [[nodiscard]] constexpr double leakage_energy() const noexcept { return sum(&component_report::leakage_energy); }
    [[nodiscard]] constexpr double energy() const noexcept { return dynamic_energy() + leakage_energy(); }
    [[nodiscard]] constexpr double area() const noexcept { return sum(&component_report::area); }
    /// Mean power in W; 0 where nothing took time.
    [[nodiscard]] constexpr double power() const noexcept { return cycles == 0 ? 0 : 1e-9 * energy() / seconds(); }

private:
    constexpr double sum(double component_report::*member) const noexcept {
        double all = 0;
        for (const component_report& c : components()) all += c.*member;
        return all;
    }
    std::array<component_report, capacity> components_{};
    std::size_t size_ = 0;
};

namespace detail {
/// Sums and products of counters; a wrapped one is marked rather than wrong.
class checked_count {
public:
    constexpr checked_count(std::uint64_t value = 0) noexcept : value_{value} {}
    friend constexpr checked_count operator+(checked_count a, checked_count b) noexcept {
        checked_count r{a.value_ + b.value_};
        r.overflowed_ = a.overflowed_ || b.overflowed_ || r.value_ < a.value_;
        return r;
    }
    friend constexpr checked_count operator*(checked_count a, checked_count b) noexcept {
        checked_count r{a.value_ * b.value_};
        r.overflowed_ = a.overflowed_ || b.overflowed_ ||
                        (a.value_ != 0 && b.value_ > std::numeric_limits<std::uint64_t>::max() / a.value_);
        return r;
    }
    constexpr checked_count& operator+=(checked_count other) noexcept { return *this = *this + other; }
    [[nodiscard]] constexpr bool overflowed() const noexcept { return overflowed_; }
    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

private:
    std::uint64_t value_;
    bool overflowed_ = false;
};
/// a / b; where both have 32 bits, in a fraction of the time of a division of 64.
[[nodiscard]] constexpr std::uint64_t divide(std::uint64_t a, std::uint64_t b) noexcept {
    if (((a | b) >> 32) == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
    return a / b;
}
[[nodiscard]] constexpr std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) noexcept {
    const std::uint64_t whole = divide(a, b);
    return whole + (whole * b != a);
}
} // namespace detail

} // namespace lutra
