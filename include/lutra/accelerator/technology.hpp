// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/hardware_cost.hpp>
#include <lutra/core/panic.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// What one copy of a module costs.
struct module_cost {
    double area = 0;    ///< um2
    double dynamic = 0; ///< mW while it works
    double leakage = 0; ///< mW while it is powered

    /// nJ a cycle at @p megahertz.
    [[nodiscard]] constexpr double dynamic_energy(double megahertz) const noexcept { return dynamic / megahertz; }
    [[nodiscard]] constexpr double leakage_energy(double megahertz) const noexcept { return leakage / megahertz; }
    /// With its arithmetic replaced by one of relative cost @p by.
    [[nodiscard]] constexpr module_cost scaled(const hardware_cost& by) const noexcept {
        return {area * by.area, dynamic * by.power, leakage * by.area};
    }
    /// Both modules, which work together.
    friend constexpr module_cost operator+(const module_cost& a, const module_cost& b) noexcept {
        return {a.area + b.area, a.dynamic + b.dynamic, a.leakage + b.leakage};
    }
    friend constexpr bool operator==(const module_cost&, const module_cost&) = default;
};

/// What a megabyte of an on-chip buffer costs.
struct buffer_cost {
    double area = 0;      ///< um2 a MB
    double access = 0;    ///< nJ an access to a buffer of 1 MB; one of s MB takes sqrt(s) as much
    double leakage = 0;   ///< mW a MB
    double bandwidth = 0; ///< bits a cycle
    friend constexpr bool operator==(const buffer_cost&, const buffer_cost&) = default;
};

/// Kinds of main memory.
enum class memory_kind : std::uint8_t { dram, hbm, rram };

/// A main memory as organised in banks, ranks and channels.
struct memory_cost {
    memory_kind kind = memory_kind::dram;
    std::uint8_t banks = 32, ranks = 2, channels = 1;
    double access = 0; ///< nJ an access
    friend constexpr bool operator==(const memory_cost&, const memory_cost&) = default;
};

/// Feature size, supply and clock, and how costs move between nodes: area with the square of the feature size, energy with
/// the feature size times the square of the supply (dynamic power at a fixed clock as well), leakage with the area. Figures
/// that come of it are estimates; those of a technology's own node are measured.
struct process_node {
    std::string_view name{};
    double nanometres = 14;
    double volts = 0.8;
    double megahertz = 700;

    /// @p cost, synthesised on @p from, on this node. Panics where a feature size or supply is not positive.
    [[nodiscard]] constexpr module_cost scaled(const module_cost& cost, const process_node& from) const {
        require(nanometres > 0 && from.nanometres > 0 && volts > 0 && from.volts > 0, panic_code::bad_argument,
                "a process_node has a positive feature size and supply");
        const double size = nanometres / from.nanometres, supply = volts / from.volts;
        return {cost.area * size * size, cost.dynamic * size * supply * supply, cost.leakage * size * size};
    }
    /// The same at this node's clock, where the dynamic power of @p cost is that at the clock of @p from. Panics where a
    /// clock is not positive either.
    [[nodiscard]] constexpr module_cost clocked(const module_cost& cost, const process_node& from) const {
        require(megahertz > 0 && from.megahertz > 0, panic_code::bad_argument, "a process_node has a positive clock");
        module_cost moved = scaled(cost, from);
        moved.dynamic *= megahertz / from.megahertz;
        return moved;
    }
    friend constexpr bool operator==(const process_node&, const process_node&) = default;
};

/// FinFET, 14 nm, 700 MHz: the node of AccelTran's synthesis (Tuli and Jha, 2023).
inline constexpr process_node node_14nm{"14 nm", 14, 0.8, 700};
/// TSMC 28 nm at 1 GHz: of the row-wise accelerator (arXiv 2510.14393) and GQA-LUT's units (arXiv 2403.19591, 500 MHz).
inline constexpr process_node node_28nm{"28 nm", 28, 0.9, 1000};
/// The same at the clock at which GQA-LUT's units were synthesised.
inline constexpr process_node node_28nm_500mhz{"28 nm, 500 MHz", 28, 0.9, 500};
/// 45 nm: the node of EvoApproxLib's synthesis; its exact 8 x 8 multiplier takes 1.48 ns.
inline constexpr process_node node_45nm{"45 nm", 45, 1.1, 500};

/// The exact signed 8 x 8 multiplier of EvoApproxLib, 45 nm: 0.425 mW, 729.8 um2.
inline constexpr module_cost multiplier_45nm{729.8, 0.425, 0};
/// A piecewise-linear INT8 unit of 8 entries, 28 nm, 500 MHz (GQA-LUT, 2024): 0.40 mW, 961 um2.
inline constexpr module_cost pwl_unit_28nm{961, 0.40, 0};

} // namespace lutra
