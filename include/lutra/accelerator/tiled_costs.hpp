// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/technology.hpp>

#include <array>

namespace lutra {

/// The non-linearity that a MAC lane applies.
enum class lane_function : std::uint8_t {
    relu,
    gelu,
    pwl, ///< any that a piecewise-linear table approximates, in a unit of its own beside a ReLU lane
};

/// What the modules of a tiled accelerator cost: area in um2, power in mW at `node.megahertz`. A value, so that a user can
/// give figures of another synthesis.
struct tiled_costs {
    struct by_tile { ///< one for each side of a tile that was synthesised
        module_cost tile8, tile16, tile32;
        [[nodiscard]] constexpr const module_cost& of(std::uint32_t side) const noexcept {
            return side <= 8 ? tile8 : side <= 16 ? tile16 : tile32;
        }
        friend constexpr bool operator==(const by_tile&, const by_tile&) = default;
    };
    process_node node = node_14nm;
    module_cost lane1_relu, lane1_gelu, lane16_relu, lane16_gelu; ///< a lane of 1 and of 16 MACs
    module_cost pwl_unit;
    module_cost pre_sparsity, post_sparsity, fifo, stochastic_rounding, dataflow, dma;
    by_tile softmax, layer_norm;
    buffer_cost activation, weight, mask;
    double elements_per_access = 64; ///< that an access of a buffer or of main memory moves

    [[nodiscard]] constexpr module_cost lane(lane_function f, std::uint32_t macs) const noexcept {
        if (f == lane_function::gelu) return macs == 1 ? lane1_gelu : lane16_gelu;
        const module_cost& relu = macs == 1 ? lane1_relu : lane16_relu;
        return f == lane_function::pwl ? relu + pwl_unit : relu;
    }
    /// What the same modules cost on @p to, at its clock: process_node's estimate. Buffers move as modules do, and still
    /// deliver as many bits a cycle. Main memories, which lie on other chips, are not in here and do not move. Panics where
    /// a feature size, supply or clock is not positive.
    [[nodiscard]] constexpr tiled_costs moved_to(const process_node& to) const {
        tiled_costs c = *this;
        c.node = to;
        for (module_cost* const m :
             {&c.lane1_relu, &c.lane1_gelu, &c.lane16_relu, &c.lane16_gelu, &c.pwl_unit, &c.pre_sparsity, &c.post_sparsity,
              &c.fifo, &c.stochastic_rounding, &c.dataflow, &c.dma, &c.softmax.tile8, &c.softmax.tile16, &c.softmax.tile32,
              &c.layer_norm.tile8, &c.layer_norm.tile16, &c.layer_norm.tile32})
            *m = to.clocked(*m, node);
        for (buffer_cost* const b : {&c.activation, &c.weight, &c.mask}) {
            const module_cost moved = to.scaled({b->area, b->access, b->leakage}, node);
            b->area = moved.area, b->access = moved.dynamic, b->leakage = moved.leakage;
        }
        return c;
    }
    friend constexpr bool operator==(const tiled_costs&, const tiled_costs&) = default;
};

/// Synthesised in 14 nm FinFET for 20-bit fixed point at 700 MHz; buffers by CACTI: AccelTran (Tuli and Jha, 2023, arXiv
/// 2302.14705), as its public simulator has them. The piecewise-linear unit is GQA-LUT's for INT8, moved here from 28 nm.
inline constexpr tiled_costs acceltran_14nm{
    .node = node_14nm,
    .lane1_relu = {597.964253, 0.2756146, 0.0223711},
    .lane1_gelu = {1209.955838, 0.6705926, 0.0419121},
    .lane16_relu = {8819.484999, 4.8926, 0.3003},
    .lane16_gelu = {9418.667591, 5.1955, 0.3189685},
    .pwl_unit = node_14nm.clocked(pwl_unit_28nm, node_28nm_500mhz),
    .pre_sparsity = {6216.896914, 0.2852968, 0.1507329},
    .post_sparsity = {1181.201447, 0.2613971, 0.0324301},
    .fifo = {484.379110, 0.0563909, 0.0140774},
    .stochastic_rounding = {79.043665, 0.0216570, 0.0040125},
    .dataflow = {75946.982008, 11.3711, 2.7312},
    .dma = {144.636242, 0.0335287, 0.0063819},
    .softmax = {{22008.079435, 9.1386, 0.6824872}, {87573.326116, 34.6343, 2.6696}, {348466.9006, 131.2602298481, 10.4423}},
    .layer_norm = {{20631.005754, 12.6646, 0.6594879}, {81104.126482, 43.8378, 2.5753}, {318834.6362, 151.48, 10.03566}},
    .activation = {303305.83, 0.079275099, 247.918667, 11350.98},
    .weight = {294100.83, 0.0856588, 210.40467, 11350.98},
    .mask = {302565.0, 0.08200675, 238.196, 11350.98}};

/// Main memories by NVMain and NVSim, nJ an access: as above.
inline constexpr std::array<memory_cost, 11> acceltran_memories{{{memory_kind::rram, 16, 2, 2, 17.321165},
                                                                 {memory_kind::rram, 8, 2, 4, 32.655499},
                                                                 {memory_kind::rram, 4, 2, 8, 69.3328008},
                                                                 {memory_kind::rram, 2, 2, 16, 149.0564671},
                                                                 {memory_kind::rram, 32, 2, 1, 8.63281599},
                                                                 {memory_kind::rram, 1, 2, 32, 340.9690911},
                                                                 {memory_kind::dram, 16, 2, 2, 69.00706337},
                                                                 {memory_kind::dram, 8, 2, 4, 200.2819855},
                                                                 {memory_kind::dram, 32, 2, 1, 13.43777522},
                                                                 {memory_kind::dram, 16, 4, 1, 38.28777884},
                                                                 {memory_kind::hbm, 32, 1, 4, 26.5569841}}};

} // namespace lutra
