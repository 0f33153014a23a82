// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/detail/config_check.hpp>
#include <lutra/accelerator/loop_order.hpp>
#include <lutra/accelerator/report.hpp>
#include <lutra/accelerator/tiled_costs.hpp>
#include <lutra/core/result.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace lutra {

/// Which of the attention heads that could issue tiles does so first.
enum class tiled_schedule : std::uint8_t {
    staggered,      ///< the first: the heads drift apart, so that one's softmax meets another's products
    equal_priority, ///< the one that lags: all move together
};

/// Whose zeros a lane does not multiply with.
enum class zero_skipping : std::uint8_t {
    none,
    lhs,  ///< those of the left operand; in the backward pass those of the gradient
    both, ///< of either operand, taken as independent
};

/// What the event mode counts: what such a machine does, or what AccelTran's public simulator answers, for comparison.
enum class tiled_semantics : std::uint8_t {
    /// A result can be used when all tiles that make it are done, and every module takes time and energy.
    corrected,
    /// As released: FIFOs, sparsity and rounding modules take neither time nor energy; a softmax tile occupies every free
    /// unit of
    /// its element; operations outside of attention heads issue one tile too many, which is issued again; a mask moves for
    /// the
    /// energy of its tensor; and where all units are idle it goes on to the next end of a transfer without looking for what
    /// could start before.
    released,
    /// With the first three of these mended one by one, in its own terms: a product then counts as done when the sparsity
    /// module of its last tile is, so that results are stored before they are there.
    released_mended,
};

/// An accelerator of the AccelTran and ELECTOR class: processing elements of MAC lanes, softmax units and a layer norm
/// around three buffers (activations, weights, masks of zeros), computing tile by tile. Tensors pass between buffers and
/// main memory as a whole.
///
/// Weights can have a memory of their own, such as an RRAM for a backbone that does not change. Loads of weights and of rows
/// of them take its energy and bandwidth, and what updates them is written to it: "weight_memory" in the report. (Where they
/// share main memory an updated weight stays in its buffer, as in AccelTran's simulator.)
struct tiled_config {
    std::uint32_t tile_batch = 1, tile_side = 16; ///< a tile is tile_batch x tile_side x tile_side
    lane_function activation = lane_function::gelu;
    std::uint32_t elements = 64;         ///< processing elements
    std::uint32_t lanes = 16, macs = 16; ///< lanes an element, MACs a lane
    std::uint32_t softmax = 4;           ///< units an element
    double activation_mb = 4, weight_mb = 8, mask_mb = 1;
    memory_cost memory = acceltran_memories[8];
    double memory_bandwidth = 785.365;  ///< bits a cycle
    memory_cost weight_memory{};        ///< of the weights alone, where there is such a memory
    double weight_memory_bandwidth = 0; ///< bits a cycle; 0: there is none, weights lie in main memory
    double weight_memory_write = 1;     ///< what an access that writes to it takes, in accesses that read
    std::uint32_t issue = 8;            ///< tiles that a head issues a cycle
    std::uint32_t fifo = 32;            ///< elements that enter a lane's FIFO a cycle
    loop_order order{};
    tiled_schedule schedule = tiled_schedule::staggered;
    zero_skipping skipping = zero_skipping::lhs;
    bool stochastic_rounding = false; ///< for training: a rounding module in every lane
    hardware_cost multiplier{};       ///< of the lanes, relative to exact ones; their power is that of each operation
    tiled_semantics semantics = tiled_semantics::corrected;
    tiled_costs costs = acceltran_14nm;

    [[nodiscard]] constexpr std::uint64_t all_lanes() const noexcept { return std::uint64_t{elements} * lanes; }
    [[nodiscard]] constexpr std::uint64_t all_softmax() const noexcept { return std::uint64_t{elements} * softmax; }
    [[nodiscard]] constexpr bool has_weight_memory() const noexcept { return weight_memory_bandwidth > 0; }
    friend constexpr bool operator==(const tiled_config&, const tiled_config&) = default;
};

/// AccelTran-Edge: 64 elements, DRAM of 25.6 GB/s.
inline constexpr tiled_config acceltran_edge{};
/// AccelTran-Server: 512 elements, monolithic RRAM of 256 GB/s.
inline constexpr tiled_config acceltran_server{.elements = 512,
                                               .lanes = 32,
                                               .softmax = 32,
                                               .activation_mb = 32,
                                               .weight_mb = 64,
                                               .mask_mb = 8,
                                               .memory = acceltran_memories[4],
                                               .memory_bandwidth = 7853.65,
                                               .issue = 128};

/// Whether a configuration describes a machine: the error names the field, its value and what is allowed.
[[nodiscard]] constexpr status validate(const tiled_config& c) {
    if (c.macs != 1 && c.macs != 16)
        return error{error_code::malformed, 0,
                     text<320>{} << "tiled_config: macs is " << c.macs << "; expected 1 or 16, for which there are costs"};
    if ((c.weight_memory.access > 0) != c.has_weight_memory())
        return error{error_code::malformed, 0,
                     text<320>{} << "tiled_config: weight_memory takes " << detail::number_text(c.weight_memory.access)
                                 << " nJ an access and weight_memory_bandwidth is "
                                 << detail::number_text(c.weight_memory_bandwidth) << "; expected both above 0, or neither"};
    constexpr double megabytes = 1e6, bits = 1e12;
    return detail::check_fields("tiled_config",
                                {{"tile_batch", c.tile_batch, 1024},
                                 {"tile_side", c.tile_side, 1024},
                                 {"elements", c.elements, 65536},
                                 {"lanes", c.lanes, 4096},
                                 {"softmax", c.softmax, 4096},
                                 {"issue", c.issue, 1u << 20},
                                 {"fifo", c.fifo, 1u << 20}},
                                {{"activation_mb", c.activation_mb, true, megabytes},
                                 {"weight_mb", c.weight_mb, true, megabytes},
                                 {"mask_mb", c.mask_mb, true, megabytes},
                                 {"memory_bandwidth", c.memory_bandwidth, true, bits},
                                 {"weight_memory_bandwidth", c.weight_memory_bandwidth, false, bits},
                                 {"weight_memory_write", c.weight_memory_write, false, 1e6},
                                 {"costs.activation.bandwidth", c.costs.activation.bandwidth, true, bits},
                                 {"costs.weight.bandwidth", c.costs.weight.bandwidth, true, bits},
                                 {"costs.mask.bandwidth", c.costs.mask.bandwidth, true, bits},
                                 {"costs.node.nanometres", c.costs.node.nanometres, true, 1e6},
                                 {"costs.node.volts", c.costs.node.volts, true, 1e6},
                                 {"costs.node.megahertz", c.costs.node.megahertz, true, 1e6},
                                 {"costs.elements_per_access", c.costs.elements_per_access, true, 1e6}});
}

} // namespace lutra
