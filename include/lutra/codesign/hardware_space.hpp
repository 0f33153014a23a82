// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign searches on hosts: describe accelerators by values on firmware."
#endif

#include <lutra/accelerator/design_space.hpp>
#include <lutra/accelerator/tiled.hpp>
#include <lutra/codesign/accelerator_file.hpp>
#include <lutra/codesign/network_space.hpp>
#include <lutra/core/workload.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace lutra {

/// What an accelerator takes for so many images.
struct simulated_images {
    accelerator_report report;
    std::uint64_t images = 1;
};

/// What the network of a design asks of an accelerator's circuits.
struct lane_circuits {
    double multiplier_area = 1; ///< of a lane's multipliers, relative to exact ones
    int table_entries = 0;      ///< of the piecewise-linear units; 0: it asks for none

    /// The cost of a unit with so many entries, from that of one with 8: in proportion, which is too much, for the
    /// multiplier in it stays as it is.
    [[nodiscard]] constexpr module_cost pwl_unit(const module_cost& of_8) const noexcept {
        const double ratio = table_entries > 0 ? table_entries / 8.0 : 1;
        return of_8.scaled({.power = ratio, .area = ratio});
    }
};

/// The accelerator's side of a design: what may be chosen in it, and what it then takes. `simulate(one image, genes,
/// circuits)` has the mean workload of one image, the accelerator's own genes, and what the network asks of its circuits; it
/// runs on several threads at once. A design that cannot be built, or does not fit the workload, is an error.
struct hardware_space {
    std::vector<design_gene> genes;
    std::function<result<simulated_images>(const workload&, std::span<const std::uint16_t>, const lane_circuits&)> simulate;
};

namespace detail {
/// @p one for so many images, in memory of @p operations.
inline workload times_images(const workload& one, std::uint64_t images, std::vector<operation>& operations) {
    if (images == 1) return one;
    operations.assign(one.operations.begin(), one.operations.end());
    for (operation& op : operations) op.batch *= images;
    return {operations, one.dependencies};
}
/// The accelerator @p c with those circuits: piecewise-linear units take the place of those that make GELU.
inline void put_into(tiled_config& c, const lane_circuits& circuits) {
    c.multiplier.area *= circuits.multiplier_area;
    if (circuits.table_entries == 0) return;
    c.costs.pwl_unit = circuits.pwl_unit(c.costs.pwl_unit);
    if (c.activation == lane_function::gelu) c.activation = lane_function::pwl;
}
} // namespace detail

/// An accelerator that is as it is, at @p images images at once.
///
/// @code
/// const lutra::hardware_space edge = lutra::hardware_of(lutra::acceltran_edge);
/// @endcode
[[nodiscard]] inline hardware_space hardware_of(const accelerator_config& config, std::uint64_t images = 1) {
    require(images > 0, panic_code::bad_argument, "an accelerator takes at least one image at once");
    return {{},
            [config, images](const workload& one, std::span<const std::uint16_t>,
                             const lane_circuits& circuits) -> result<simulated_images> {
                std::vector<operation> memory;
                const workload all = detail::times_images(one, images, memory);
                const auto report = std::visit(
                    [&](auto c) -> result<accelerator_report> {
                        if constexpr (std::is_same_v<decltype(c), tiled_config>) {
                            detail::put_into(c, circuits);
                            return tiled{c}.simulate(all);
                        } else {
                            c.multiplier_area *= circuits.multiplier_area;
                            c.vector_lane = circuits.pwl_unit(c.vector_lane);
                            if constexpr (std::is_same_v<decltype(c), systolic_config>)
                                return systolic{c}.simulate(all);
                            else
                                return row_wise{c}.simulate(all);
                        }
                    },
                    config);
                if (!report) return report.error();
                return simulated_images{*report, images};
            }};
}

/// The accelerators of @p space, in closed form: one gene for each axis of several values.
[[nodiscard]] inline hardware_space hardware_of(const tiled_design_space& space) {
    const auto number = [](double value, const char* unit) {
        char digits[48];
        std::snprintf(digits, sizeof digits, "%g%s", value, unit);
        return std::string{digits};
    };
    const auto alternative = [&](std::size_t axis, std::size_t i) -> std::string {
        switch (axis) {
        case 0: return number(space.tile_batch[i], "");
        case 1: return number(space.tile_side[i], "");
        case 2: {
            constexpr const char* functions[]{"relu", "gelu", "pwl"};
            return functions[static_cast<std::size_t>(space.activation[i])];
        }
        case 3: return number(space.elements[i], "");
        case 4: return number(space.lanes[i], "");
        case 5: return number(space.macs[i], "");
        case 6: return number(space.softmax[i], "");
        case 7: return number(space.batch[i], "");
        case 8: return number(space.activation_mb[i], " MB");
        case 9: return number(space.weight_mb[i], " MB");
        case 10: return number(space.mask_mb[i], " MB");
        default: break;
        }
        const tiled_memory& m = space.memory[i];
        constexpr const char* kinds[]{"DRAM ", "HBM ", "RRAM "};
        return kinds[static_cast<std::size_t>(m.cost.kind)] + std::to_string(m.cost.banks) + '_' +
               std::to_string(m.cost.ranks) + '_' + std::to_string(m.cost.channels) + number(m.bandwidth, " bits a cycle");
    };
    hardware_space h;
    std::vector<std::size_t> axes; // of several values
    const auto extents = space.extents();
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
        if (extents[axis] < 2) continue;
        axes.push_back(axis);
        design_gene gene{"accelerator " + std::string{tiled_design_space::axis_names[axis]}, {}};
        for (std::size_t i = 0; i < extents[axis]; ++i) gene.alternatives.push_back(alternative(axis, i));
        h.genes.push_back(std::move(gene));
    }
    h.simulate = [space, axes](const workload& one, std::span<const std::uint16_t> genes,
                               const lane_circuits& circuits) -> result<simulated_images> {
        tiled_design_space::genome g{};
        for (std::size_t i = 0; i < axes.size(); ++i) g[axes[i]] = static_cast<std::uint8_t>(genes[i]);
        tiled_design d = space.at(g);
        detail::put_into(d.config, circuits);
        std::vector<operation> memory;
        const auto report = tiled{d.config}.simulate(detail::times_images(one, d.batch, memory));
        if (!report) return report.error();
        return simulated_images{*report, d.batch};
    };
    return h;
}

} // namespace lutra
