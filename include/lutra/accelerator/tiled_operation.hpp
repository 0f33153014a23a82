// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/tiled_config.hpp>
#include <lutra/core/operation.hpp>
#include <lutra/numeric/constexpr_math.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

/// @file
/// What one operation is to a tiled accelerator: tiles, cycles a tile, traffic. Both of its modes count with these. The
/// closed form runs them a hundred thousand times a second and more for each operation: they are inlined by force.

namespace lutra::detail {

/// The pool of units that computes an operation.
enum class tiled_unit : std::uint8_t { lane, softmax, layer_norm, none };

/// Rounds a real number of cycles up, where rounding of doubles must not add one.
[[nodiscard]] constexpr std::uint64_t cycles_of(double x) noexcept {
    const double least = x - 1e-9 * std::max(x, 1.0);
    const auto whole = static_cast<std::int64_t>(least);
    return static_cast<std::uint64_t>(whole + static_cast<std::int64_t>(static_cast<double>(whole) < least));
}

/// What of a configuration the operations meet again and again.
class tiled_geometry {
public:
    constexpr tiled_geometry(const tiled_config& c)
        : config{&c},
          side_shift{std::has_single_bit(c.tile_side) ? std::countr_zero(c.tile_side) : -1},
          elements{static_cast<double>(c.tile_batch) * c.tile_side * c.tile_side},
          a_mac{c.tile_side / static_cast<double>(c.macs) * elements},
          a_fill{elements / c.fifo},
          weight_memory{c.has_weight_memory()},
          to_load{1 / c.memory_bandwidth, 1 / c.memory_bandwidth},
          to_load_weight{to_load},
          to_store{1 / c.costs.activation.bandwidth, 1 / c.costs.mask.bandwidth},
          to_store_weight{1 / c.costs.weight.bandwidth, to_store.mask} {
        if (!weight_memory) return;
        const double a_bit = 1 / c.weight_memory_bandwidth;
        to_load_weight = {a_bit, a_bit};
        to_store_weight = {std::max(to_store_weight.tensor, a_bit), std::max(to_store_weight.mask, a_bit)};
    }

    [[nodiscard]] constexpr std::uint64_t in_sides(std::uint64_t n) const noexcept {
        return side_shift >= 0 ? (n + config->tile_side - 1) >> side_shift : ceil_div(n, config->tile_side);
    }
    [[nodiscard]] constexpr std::uint64_t in_batches(std::uint64_t n) const noexcept {
        return config->tile_batch == 1 ? n : ceil_div(n, config->tile_batch);
    }

    const tiled_config* config;
    int side_shift;     ///< log2 of the side of a tile; -1 where that is no power of two
    double elements;    ///< of a tile
    double a_mac;       ///< cycles of a product's tile without zeros
    double a_fill;      ///< cycles that an operand without zeros needs to enter a lane
    bool weight_memory; ///< weights have a memory of their own
    struct pace {       ///< cycles a bit of a tensor and of its mask
        double tensor, mask;
    };
    pace to_load, to_load_weight; ///< from main memory and from that of the weights
    pace to_store, to_store_weight;
};

/// A compute operation in tiles.
struct tiled_operation {
    tiled_unit unit = tiled_unit::none;
    operation_pass pass = operation_pass::forward;
    bool product = false;
    tile_extents extents; ///< of a product; of others b, i and j
    std::uint64_t tiles = 0;
    std::uint64_t work = 0; ///< cycles in which a tile keeps its unit computing
    std::uint64_t fill = 0; ///< cycles of the FIFO for one operand (lane)
    double elements = 0;    ///< of an operand's tile
    double macs = 0;        ///< of the whole operation, those with zeros left out
    double power = 1;       ///< of the multipliers, relative to exact ones

    [[nodiscard, gnu::always_inline]] static constexpr tiled_operation of(const operation& op, const tiled_geometry& g) {
        const tiled_config& c = *g.config;
        tiled_operation t;
        t.pass = op.pass;
        const auto zeros = [](const operand& o) { return o.bits == 0 ? 0 : std::max(o.sparsity, o.skipped); };
        const bool gradient =
            op.rhs.bits != 0 && op.rhs.cls == tensor_class::gradient && op.lhs.cls != tensor_class::gradient;
        double kept = 1;
        if (c.skipping == zero_skipping::lhs) kept = 1 - zeros(gradient ? op.rhs : op.lhs);
        if (c.skipping == zero_skipping::both) kept = (1 - zeros(op.lhs)) * (1 - zeros(op.rhs));
        const double stored = 1 - op.lhs.sparsity; // what of an operand enters a unit
        t.elements = g.elements;
        t.extents = {g.in_batches(op.batch), g.in_sides(op.m), g.in_sides(op.n), 1};
        switch (op.kind) {
        case operation_kind::matmul:
            t.unit = tiled_unit::lane;
            t.product = true;
            t.extents.k = g.in_sides(op.k);
            t.work = cycles_of(g.a_mac * kept);
            t.power = op.mac.power;
            t.macs = static_cast<double>(op.macs()) * kept;
            break;
        case operation_kind::elementwise:
        case operation_kind::reduction:
            t.unit = tiled_unit::lane;
            if (op.kind == operation_kind::reduction) t.extents.k = g.in_sides(op.k);
            t.work = 1;
            break;
        case operation_kind::softmax:
            t.unit = tiled_unit::softmax;
            t.work = cycles_of(static_cast<double>(c.tile_side) * c.tile_side * stored);
            break;
        case operation_kind::layer_norm:
            t.unit = tiled_unit::layer_norm;
            t.work = cycles_of(2.0 * c.tile_batch * c.tile_side * stored);
            break;
        case operation_kind::load:
        case operation_kind::store: return t;
        }
        t.tiles = t.extents.tiles();
        t.work = std::max<std::uint64_t>(t.work, 1);
        t.fill = cycles_of(g.a_fill * stored);
        return t;
    }
};

/// A load or a store.
struct tiled_transfer {
    bool load = false;
    bool weights = false; ///< outside of the chip it lies where the weights do
    bool written = false; ///< to a memory outside of the chip
    operation_pass pass = operation_pass::forward;
    tensor_class cls = tensor_class::activation;
    double elements = 0;
    double bits = 0, mask_bits = 0; ///< as stored
    double width = 1;               ///< bits of an element
    double stored = 1;              ///< the share of elements that are not zero
    std::uint64_t cycles = 1;       ///< of the buffer
    std::uint64_t mask_cycles = 1;  ///< of the mask buffer

    [[nodiscard, gnu::always_inline]] static constexpr tiled_transfer of(const operation& op, const tiled_geometry& g) {
        return of(op.out, static_cast<double>(op.elements()), op.kind == operation_kind::load, is_of_weights(op), op.pass,
                  g);
    }
    /// Of @p elements elements of @p what, which lies with the weights where @p weights.
    [[nodiscard, gnu::always_inline]] static constexpr tiled_transfer
    of(const operand& what, double elements, bool load, bool weights, operation_pass pass, const tiled_geometry& g) {
        tiled_transfer t;
        t.load = load;
        t.weights = weights;
        t.written = !load && weights && g.weight_memory;
        t.pass = pass;
        t.cls = what.cls;
        t.width = std::max(1, what.bits);
        t.stored = 1 - what.sparsity;
        t.elements = elements;
        t.bits = elements * what.bits * t.stored;
        t.mask_bits = elements;
        const tiled_geometry::pace& a_bit =
            load ? (weights ? g.to_load_weight : g.to_load) : (weights ? g.to_store_weight : g.to_store);
        t.cycles = std::max<std::uint64_t>(1, cycles_of(t.bits * a_bit.tensor));
        t.mask_cycles = std::max<std::uint64_t>(1, cycles_of(t.mask_bits * a_bit.mask));
        return t;
    }
    /// Whether the result of @p op lies with the weights: it is one, or rows of one that were looked up.
    [[nodiscard]] static constexpr bool is_of_weights(const operation& op) noexcept {
        return op.out.cls == tensor_class::weight || (op.kind == operation_kind::load && op.lhs.cls == tensor_class::weight);
    }
};

/// Energies and the report of a tiled accelerator, however its cycles were counted.
class tiled_account {
public:
    explicit constexpr tiled_account(const tiled_config& c)
        : config_{&c},
          a_megahertz_{1 / c.costs.node.megahertz},
          lane_{c.costs.lane(c.activation, c.macs)},
          released_{c.semantics == tiled_semantics::released},
          softmax_power_{c.costs.softmax.of(c.tile_side).dynamic},
          layer_norm_power_{c.costs.layer_norm.of(c.tile_side).dynamic},
          beside_lane_{c.costs.pre_sparsity.dynamic + c.costs.post_sparsity.dynamic +
                       (c.stochastic_rounding ? c.costs.stochastic_rounding.dynamic : 0)} {

        activation_.access = c.costs.activation.access * math::sqrt(c.activation_mb) / c.costs.elements_per_access;
        weight_.access = c.costs.weight.access * math::sqrt(c.weight_mb) / c.costs.elements_per_access;
        mask_.access = c.costs.mask.access * math::sqrt(c.mask_mb) / c.costs.elements_per_access;
        memories_[0].read = memories_[0].write = c.memory.access / c.costs.elements_per_access;
        if (!c.has_weight_memory()) return;
        weights_lie_in_ = 1;
        memories_[1].read = c.weight_memory.access / c.costs.elements_per_access;
        memories_[1].write = c.weight_memory_write * memories_[1].read;
    }

    /// @p tiles tiles of @p op, of which @p lhs and @p rhs (products) had to fetch an operand, and each of which kept its
    /// unit for @p busy cycles.
    [[gnu::always_inline]] constexpr void tiles(const tiled_operation& op, std::uint64_t tiles, std::uint64_t lhs,
                                                std::uint64_t rhs, std::uint64_t busy) {
        const std::uint64_t cycles = tiles * busy;
        unit_cycles_ += static_cast<double>(tiles) * static_cast<double>(busy);
        double power = 0, fetch = 0; // mW for a cycle, nJ
        switch (op.unit) {
        case tiled_unit::lane: {
            const std::uint64_t fetched = op.product ? lhs + rhs : tiles;
            lanes_ += cycles;
            const double lane = static_cast<double>(cycles) * op.power;
            lane_power_ += lane;
            power = lane * lane_.dynamic;
            if (released_) break;
            operands_ += static_cast<double>(fetched) * op.elements;
            fifo_ += fetched * op.fill;
            lane_tiles_ += tiles;
            power += static_cast<double>(tiles) * beside_lane_ +
                     static_cast<double>(fetched * op.fill) * config_->costs.fifo.dynamic;
            fetch = static_cast<double>(fetched) * op.elements * activation_.access;
            break;
        }
        case tiled_unit::softmax:
            softmax_ += cycles;
            power = static_cast<double>(cycles) * softmax_power_;
            break;
        case tiled_unit::layer_norm:
            layer_norm_ += cycles;
            power = static_cast<double>(cycles) * layer_norm_power_;
            break;
        case tiled_unit::none: break;
        }
        spend(op.pass, power * a_megahertz_ + fetch);
    }
    [[gnu::always_inline]] constexpr void transfer(const tiled_transfer& t) {
        buffer& to = t.cls == tensor_class::weight ? weight_ : t.cls == tensor_class::mask ? mask_ : activation_;
        const double elements = t.elements * t.stored, masks = t.mask_bits / t.width;
        to.busy += t.cycles;
        mask_.busy += t.mask_cycles;
        to.elements += elements;
        mask_.elements += t.elements;
        to.bits += t.bits;
        mask_.bits += t.mask_bits;
        double moved = 0, written = 0, masked = 0; // nJ
        if (t.written) {
            off_chip& to_memory = memories_[t.weights ? weights_lie_in_ : 0];
            moved = to_memory.move(t, to_memory.write * (elements + (released_ ? elements : masks)));
            to_memory.writes += elements;
        } else if (t.load) {
            off_chip& from = memories_[t.weights ? weights_lie_in_ : 0];
            moved = from.move(t, from.read * (elements + (released_ ? elements : masks)));
            from.reads += elements;
        }
        if (t.load) {
            written = released_ ? 0 : elements * to.access;
            masked = released_ ? 0 : masks * mask_.access;
        } else {
            written = (released_ ? t.elements : elements) * to.access;
            masked = (released_ ? t.elements : masks) * mask_.access;
        }
        to.energy += written;
        mask_.energy += masked;
        spend(t.pass, moved + written + masked);
    }
    /// An error where the cycles of all units together are too many for 64 bits.
    [[nodiscard]] constexpr status counted() const {
        if (unit_cycles_ < 0x1p63 && ends_[0] < 0x1p63 && ends_[1] < 0x1p63 && ends_[2] < 0x1p63) return ok();
        return error{error_code::wrong_size, 0, "the workload keeps units busy for 2^63 cycles or more; expected fewer"};
    }
    /// All of @p op is issued.
    constexpr void issued(const tiled_operation& op) { macs_ += op.macs; }
    /// Something of pass @p pass ended in cycle @p end.
    constexpr void ended(operation_pass pass, double end) {
        double& last = ends_[static_cast<std::size_t>(pass)];
        last = std::max(last, end);
    }

    /// Lets passes take so many cycles more, each.
    constexpr void delay(const std::array<double, 3>& cycles) {
        double sum = 0;
        for (std::size_t p = 0; p < ends_.size(); ++p) ends_[p] += sum += cycles[p];
    }
    /// Bits that went in and out.
    [[nodiscard]] constexpr double activation_bits() const noexcept { return activation_.bits; }
    [[nodiscard]] constexpr double mask_bits() const noexcept { return mask_.bits; }

    [[nodiscard]] constexpr accelerator_report report(std::uint64_t cycles) const {
        const tiled_config& c = *config_;
        const double mhz = c.costs.node.megahertz;
        accelerator_report r;
        r.cycles = cycles;
        r.executed_macs = macs_;
        r.frequency = 1e6 * mhz;
        const std::uint64_t lanes = c.all_lanes();
        const auto add = [&](std::string_view name, std::uint64_t count, const module_cost& cost, double busy,
                             double power) {
            component_report m{.name = name, .count = count, .area = 1e-6 * static_cast<double>(count) * cost.area};
            m.busy = static_cast<std::uint64_t>(busy);
            m.dynamic_energy = power * cost.dynamic_energy(mhz);
            m.leakage_energy = busy * cost.leakage_energy(mhz);
            r.add(m);
        };
        const auto module = [&](std::string_view name, std::uint64_t count, const module_cost& cost, std::uint64_t busy) {
            add(name, count, cost, static_cast<double>(busy), static_cast<double>(busy));
        };
        module_cost lane = lane_;
        lane.area *= c.multiplier.area;
        lane.leakage *= c.multiplier.area;
        add("mac_lane", lanes, lane, static_cast<double>(lanes_), lane_power_);
        module("pre_sparsity", lanes, c.costs.pre_sparsity, lane_tiles_);
        module("post_sparsity", lanes, c.costs.post_sparsity, lane_tiles_);
        module("fifo", lanes, c.costs.fifo, fifo_);
        if (c.stochastic_rounding) module("stochastic_rounding", lanes, c.costs.stochastic_rounding, lane_tiles_);
        component_report fetch{.name = "operand_fetch", .count = 0};
        fetch.dynamic_energy = operands_ * activation_.access;
        fetch.reads = operands_;
        r.add(fetch);
        module("softmax", c.all_softmax(), c.costs.softmax.of(c.tile_side), softmax_);
        module("layer_norm", c.elements, c.costs.layer_norm.of(c.tile_side), layer_norm_);
        module("dataflow", c.elements, c.costs.dataflow, 0);
        module("dma", c.elements, c.costs.dma, 0);
        const auto memory = [&](std::string_view name, const buffer_cost& cost, double mb, const buffer& b) {
            component_report m{.name = name, .kind = component_kind::buffer, .count = 1, .area = 1e-6 * cost.area * mb};
            m.busy = b.busy;
            m.dynamic_energy = b.energy;
            m.leakage_energy = static_cast<double>(b.busy) * cost.leakage * mb / mhz;
            m.writes = b.elements;
            m.bits = b.bits;
            r.add(m);
        };
        memory("activation_buffer", c.costs.activation, c.activation_mb, activation_);
        memory("weight_buffer", c.costs.weight, c.weight_mb, weight_);
        memory("mask_buffer", c.costs.mask, c.mask_mb, mask_);
        const auto outside = [&](std::string_view name, const off_chip& m) {
            r.add({.name = name,
                   .kind = component_kind::memory,
                   .count = 1,
                   .dynamic_energy = m.energy,
                   .busy = m.busy,
                   .reads = m.reads,
                   .writes = m.writes,
                   .bits = m.bits});
        };
        outside("main_memory", memories_[0]);
        if (c.has_weight_memory()) outside("weight_memory", memories_[1]);
        std::uint64_t before = 0;
        for (std::size_t p = 0; p < r.passes.size(); ++p) {
            const auto end = static_cast<std::uint64_t>(ends_[p] + 0.5);
            r.passes[p] = {end > before ? end - before : 0, spent_[p]};
            before = std::max(before, end);
        }
        return r;
    }

private:
    struct buffer {
        double access = 0; ///< nJ an element
        std::uint64_t busy = 0;
        double energy = 0, elements = 0, bits = 0;
    };
    struct off_chip {               ///< a memory outside of the chip
        double read = 0, write = 0; ///< nJ an element
        std::uint64_t busy = 0;
        double energy = 0, reads = 0, writes = 0, bits = 0;
        constexpr double move(const tiled_transfer& t, double nanojoules) {
            busy += t.cycles;
            bits += t.bits + t.mask_bits;
            energy += nanojoules;
            return nanojoules;
        }
    };
    constexpr void spend(operation_pass pass, double nanojoules) { spent_[static_cast<std::size_t>(pass)] += nanojoules; }

    const tiled_config* config_;
    std::array<double, 3> ends_{}, spent_{};
    double a_megahertz_ = 1;
    module_cost lane_;
    bool released_;
    double softmax_power_, layer_norm_power_, beside_lane_; ///< mW; the last of a lane's sparsity and rounding modules
    std::uint64_t lanes_ = 0, lane_tiles_ = 0, fifo_ = 0, softmax_ = 0, layer_norm_ = 0;
    double unit_cycles_ = 0, macs_ = 0, lane_power_ = 0, operands_ = 0;
    buffer activation_, weight_, mask_;
    std::size_t weights_lie_in_ = 0;
    std::array<off_chip, 2> memories_{}; ///< main memory, and that of the weights
};

/// The area of a configuration in mm2.
[[nodiscard]] constexpr double tiled_area(const tiled_config& c) { return tiled_account{c}.report(0).area(); }

} // namespace lutra::detail
