// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/concept.hpp>
#include <lutra/accelerator/data_layout.hpp>
#include <lutra/accelerator/detail/config_check.hpp>
#include <lutra/accelerator/detail/memory_traffic.hpp>
#include <lutra/accelerator/report.hpp>
#include <lutra/accelerator/systolic_event.hpp>
#include <lutra/accelerator/technology.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/core/result.hpp>
#include <lutra/core/text.hpp>
#include <lutra/core/workload.hpp>
#include <lutra/numeric/constexpr_math.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

/// @file
/// A systolic array of MACs with three SRAMs and main memory, after SCALE-Sim (Samajdar and others, ISPASS 2020).
/// Products of m x k by k x n: the left operand is the "ifmap", the right one the "filter", the result the "ofmap".

namespace lutra {

/// What stays in the cells of a systolic array.
enum class systolic_dataflow : std::uint8_t {
    weight_stationary, ///< k down and n across the array; m streams
    output_stationary, ///< m down and n across; k streams
    input_stationary,  ///< k down and m across; n streams
};

/// How a systolic array is simulated; cycles and accesses are the same.
enum class systolic_mode : std::uint8_t {
    analytical, ///< by closed forms: time is that of a few divisions an operation
    event,      ///< by walking through every cycle of every fold: at most `systolic::event_limit` cycles a product
};

/// A systolic array. Costs are given as on `synthesis` and moved to `node`; main memory's are not moved.
struct systolic_config {
    std::uint64_t rows = 32, columns = 32; ///< of MACs, 1 to 2^20
    systolic_dataflow dataflow = systolic_dataflow::weight_stationary;
    systolic_mode mode = systolic_mode::analytical;
    std::uint64_t ifmap_kib = 64, filter_kib = 64, ofmap_kib = 64; ///< of SRAM, 1 to 2^30; half of each is filled or drained
    std::uint64_t accumulator_bits = 32;                           ///< of a partial sum in the ofmap SRAM, 1 to 64
    std::uint64_t vector_lanes = 32;                               ///< elements a cycle of whatever is no matmul, 1 to 2^20
    std::uint64_t dram_bits = 256;                                 ///< bits a cycle between SRAM and main memory, 1 to 2^20
    data_layout layout = data_layout::ideal; ///< of the operands and results of a matmul in main memory
    std::uint64_t burst_bytes = 64;          ///< that main memory moves at once where the layout is not ideal, 1 to 2^16

    module_cost mac = multiplier_45nm; ///< one cell with an exact multiplier; the default has no adder or registers
    double multiplier_area = 1;        ///< of the multipliers in the cells, relative to exact ones; power: operation::mac
    module_cost vector_lane = node_45nm.scaled(pwl_unit_28nm, node_28nm);
    /// An access is `bandwidth` bits. Energy: 100 pJ for 64 bits of 1 MB (Horowitz, ISSCC 2014, 45 nm); area: the bits
    /// alone, 0.346 um2 each (Mistry and others, IEDM 2007, 45 nm); no published leakage goes with them.
    buffer_cost sram{.area = 0.346 * 8 * 1024 * 1024, .access = 0.1, .leakage = 0, .bandwidth = 64};
    double dram_energy = 1.3 / 64; ///< nJ a bit: 1.3 nJ for 64 bits (Horowitz, ISSCC 2014)
    process_node synthesis = node_45nm, node = node_45nm;

    friend constexpr bool operator==(const systolic_config&, const systolic_config&) = default;
};

/// SCALE-Sim v2's array of 32 x 32 with SRAMs of 64 KiB. It assumes a main memory that never makes the array wait; 4096 bits
/// a cycle are that for all tensors of up to 32 bits an element.
inline constexpr systolic_config scale_sim_32{.dram_bits = 4096};

/// Checks a configuration: counts lie in their ranges (wrong_size), costs are finite and not negative, nodes and the width
/// of an SRAM access above 0, enumerators known (malformed). The error names the field, its value and what is allowed.
[[nodiscard]] constexpr status validate(const systolic_config& c) {
    constexpr std::uint64_t wide = std::uint64_t{1} << 20, large = std::uint64_t{1} << 30;
    if (c.dataflow > systolic_dataflow::input_stationary)
        return error{error_code::malformed, 0,
                     text<320>{} << "systolic_config: dataflow is " << static_cast<unsigned>(c.dataflow)
                                 << "; expected weight_stationary, output_stationary or input_stationary (0 to 2)"};
    if (c.mode > systolic_mode::event)
        return error{error_code::malformed, 0,
                     text<320>{} << "systolic_config: mode is " << static_cast<unsigned>(c.mode)
                                 << "; expected analytical or event (0 or 1)"};
    if (c.layout > data_layout::row_major)
        return error{error_code::malformed, 0,
                     text<320>{} << "systolic_config: layout is " << static_cast<unsigned>(c.layout)
                                 << "; expected ideal, block_wise or row_major (0 to 2)"};
    return detail::check_fields("systolic_config",
                                {{"rows", c.rows, wide},
                                 {"columns", c.columns, wide},
                                 {"ifmap_kib", c.ifmap_kib, large},
                                 {"filter_kib", c.filter_kib, large},
                                 {"ofmap_kib", c.ofmap_kib, large},
                                 {"accumulator_bits", c.accumulator_bits, 64},
                                 {"vector_lanes", c.vector_lanes, wide},
                                 {"dram_bits", c.dram_bits, wide},
                                 {"burst_bytes", c.burst_bytes, std::uint64_t{1} << 16}},
                                {{"mac.area", c.mac.area},
                                 {"mac.dynamic", c.mac.dynamic},
                                 {"mac.leakage", c.mac.leakage},
                                 {"multiplier_area", c.multiplier_area},
                                 {"vector_lane.area", c.vector_lane.area},
                                 {"vector_lane.dynamic", c.vector_lane.dynamic},
                                 {"vector_lane.leakage", c.vector_lane.leakage},
                                 {"sram.area", c.sram.area},
                                 {"sram.access", c.sram.access},
                                 {"sram.leakage", c.sram.leakage},
                                 {"sram.bandwidth", c.sram.bandwidth, true},
                                 {"dram_energy", c.dram_energy},
                                 {"synthesis.nanometres", c.synthesis.nanometres, true},
                                 {"synthesis.volts", c.synthesis.volts, true},
                                 {"synthesis.megahertz", c.synthesis.megahertz, true},
                                 {"node.nanometres", c.node.nanometres, true},
                                 {"node.volts", c.node.volts, true},
                                 {"node.megahertz", c.node.megahertz, true}});
}

/// A convolution without padding of one image.
struct convolution_shape {
    std::uint64_t height = 1, width = 1, kernel_h = 1, kernel_w = 1, channels = 1, filters = 1, stride = 1;
};

/// The matmul that a convolution is after im2col: m = positions of the kernel, k = kernel_h x kernel_w x channels,
/// n = filters; 8-bit operands, the filters a weight. As in SCALE-Sim a last position that stands out over the edge counts.
/// Panics where an extent is 0, the kernel is larger than the image (bad_shape) or a product does not fit 64 bits
/// (overflow).
///
/// @code
/// // AlexNet's first layer: m = 55 x 55, k = 363, n = 96
/// constexpr auto conv1 = lutra::convolution_as_matmul({224, 224, 11, 11, 3, 96, 4});
/// @endcode
[[nodiscard]] constexpr operation convolution_as_matmul(const convolution_shape& s) {
    for (const std::uint64_t extent : {s.kernel_h, s.kernel_w, s.channels, s.filters, s.stride})
        require(extent != 0, panic_code::bad_shape, "a convolution has no extent of 0", 0, 1);
    require(s.kernel_h <= s.height && s.kernel_w <= s.width, panic_code::bad_shape,
            "the kernel of a convolution without padding fits into its image");
    const detail::checked_count down = detail::ceil_div(s.height - s.kernel_h, s.stride) + 1;
    const detail::checked_count positions = down * (detail::ceil_div(s.width - s.kernel_w, s.stride) + 1);
    const detail::checked_count window = detail::checked_count{s.kernel_h} * s.kernel_w * s.channels;
    require(!(positions * window * s.filters).overflowed(), panic_code::overflow,
            "the products of a convolution number fewer than 2^64");
    return {.label = "convolution",
            .m = positions.value(),
            .n = s.filters,
            .k = window.value(),
            .rhs = {.cls = tensor_class::weight}};
}

namespace detail {

constexpr systolic_space systolic_space_of(systolic_dataflow dataflow, const operation& op) noexcept {
    switch (dataflow) {
    case systolic_dataflow::output_stationary: return {op.m, op.n, op.k, true};
    case systolic_dataflow::input_stationary: return {op.k, op.m, op.n};
    case systolic_dataflow::weight_stationary: break;
    }
    return {op.k, op.n, op.m};
}

struct systolic_folds {
    std::uint64_t down, across;
};
constexpr systolic_folds systolic_folds_of(const systolic_config& c, const systolic_space& s) noexcept {
    return {ceil_div(s.down, c.rows), ceil_div(s.across, c.columns)};
}

/// The cycles of all folds.
constexpr checked_count systolic_cycles(const systolic_config& c, const systolic_space& s) noexcept {
    const systolic_folds folds = systolic_folds_of(c, s);
    const std::uint64_t fill = s.sums_stay ? c.rows + c.columns - 2 : 2 * c.rows + c.columns - 2;
    return checked_count{folds.down} * folds.across * (checked_count{s.through} + fill);
}

/// What walk_folds() finds, by closed forms; they must fit 64 bits.
constexpr systolic_edges systolic_edges_of(const systolic_config& c, const systolic_space& s) noexcept {
    const systolic_folds folds = systolic_folds_of(c, s);
    const std::uint64_t kept = s.down * s.across, above = s.across * s.through;
    return {.cycles = systolic_cycles(c, s).value(),
            .left = s.down * s.through * folds.across,
            .top = s.sums_stay ? above * folds.down : kept,
            .bottom = s.sums_stay ? kept : above * folds.down,
            .macs = kept * s.through};
}

/// How one tensor of a matmul passes its SRAM.
struct systolic_stream {
    std::uint64_t elements; ///< of the tensor
    std::uint64_t sweeps;   ///< times that all of it passes
    std::uint64_t block;    ///< elements that must stay between the sweeps, so that main memory sees the tensor once
    blocked_matrix folds;   ///< what one fold after the other takes of it
};
struct systolic_streams {
    systolic_stream ifmap, filter, ofmap;
};
/// Folds run down first, then across.
constexpr systolic_streams systolic_streams_of(const systolic_config& c, const operation& op) noexcept {
    const systolic_folds folds = systolic_folds_of(c, systolic_space_of(c.dataflow, op));
    const std::uint64_t left = op.m * op.k, right = op.k * op.n, out = op.m * op.n, high = c.rows, wide = c.columns;
    const auto ifmap = [&](std::uint64_t m, std::uint64_t k) { return blocked_matrix{op.m, op.k, m, k}; };
    const auto filter = [&](std::uint64_t k, std::uint64_t n) { return blocked_matrix{op.k, op.n, k, n}; };
    const auto ofmap = [&](std::uint64_t m, std::uint64_t n) { return blocked_matrix{op.m, op.n, m, n}; };
    switch (c.dataflow) {
    case systolic_dataflow::output_stationary:
        return {{left, folds.across, left, ifmap(high, op.k)},
                {right, folds.down, op.k * std::min(wide, op.n), filter(op.k, wide)},
                {out, 1, 0, ofmap(high, wide)}};
    case systolic_dataflow::input_stationary:
        return {{left, 1, 0, ifmap(wide, high)},
                {right, folds.across, right, filter(high, op.n)},
                {out, folds.down, op.n * std::min(wide, op.m), ofmap(wide, op.n)}};
    case systolic_dataflow::weight_stationary: break;
    }
    return {{left, folds.across, left, ifmap(op.m, high)},
            {right, 1, 0, filter(high, wide)},
            {out, folds.down, op.m * std::min(wide, op.n), ofmap(op.m, wide)}};
}

/// Whether half of an SRAM holds @p elements of @p bits bits.
constexpr bool half_holds(std::uint64_t kib, std::uint64_t elements, std::uint64_t bits) noexcept {
    return bits == 0 || elements <= kib * (1024 * 8 / 2) / bits;
}

/// Sums over the operations of a workload.
struct systolic_totals {
    checked_count cycles, macs, vector_busy, dram_busy;
    memory_traffic ifmap, filter, ofmap, dram;
    double executed_macs = 0;
    double mac_work = 0; ///< executed MACs, each times the relative power of its multiplier
    constexpr systolic_totals& operator+=(const systolic_totals& other) noexcept {
        cycles += other.cycles, macs += other.macs, vector_busy += other.vector_busy, dram_busy += other.dram_busy;
        ifmap += other.ifmap, filter += other.filter, ofmap += other.ofmap, dram += other.dram;
        executed_macs += other.executed_macs, mac_work += other.mac_work;
        return *this;
    }
    [[nodiscard]] constexpr bool overflowed() const noexcept {
        return cycles.overflowed() || macs.overflowed() || vector_busy.overflowed() || dram_busy.overflowed() ||
               ifmap.overflowed() || filter.overflowed() || ofmap.overflowed() || dram.overflowed();
    }
};

/// The bits that whole bursts bring of a tensor beside its own when all folds have passed once.
constexpr checked_count bits_in_vain(const systolic_config& c, const systolic_stream& s, std::uint64_t width) noexcept {
    if (c.layout == data_layout::ideal) return 0;
    const checked_count bits = bursts_of(c.layout, s.folds, width, 8 * c.burst_bytes) * (8 * c.burst_bytes);
    return bits.overflowed() ? bits : checked_count{bits.value() - s.elements * width};
}

/// The accesses that a matmul makes. An operand comes from main memory once where its block stays in half of its SRAM, else
/// in each sweep, and so do partial sums. What is written to the ofmap SRAM is read once, by the adders or on its way out;
/// partial sums that come back from main memory go to the adders.
constexpr void add_matmul_traffic(const systolic_config& c, const operation& op, const systolic_edges& edges,
                                  systolic_totals& t) noexcept {
    const systolic_streams s = systolic_streams_of(c, op);
    const auto operand_traffic = [&](memory_traffic& sram, const systolic_stream& stream, std::uint64_t entered,
                                     const operand& o, std::uint64_t kib) {
        const std::uint64_t width = width_of(o);
        const bool shared = o.cls == tensor_class::weight && half_holds(kib, stream.elements, width);
        const std::uint64_t fetches = half_holds(kib, stream.block, width) ? 1 : stream.sweeps;
        const checked_count times = checked_count{fetches} * (shared ? 1 : op.batch), fetched = times * stream.elements;
        t.dram.read(fetched, width);
        t.dram.bits += times * bits_in_vain(c, stream, width);
        sram.write(fetched, width);
        sram.read(checked_count{entered} * op.batch, width);
    };
    const bool swapped = c.dataflow == systolic_dataflow::input_stationary;
    operand_traffic(t.ifmap, s.ifmap, swapped ? edges.top : edges.left, op.lhs, c.ifmap_kib);
    operand_traffic(t.filter, s.filter, swapped ? edges.left : edges.top, op.rhs, c.filter_kib);

    const checked_count results = op.elements();
    const checked_count partial = checked_count{edges.bottom - s.ofmap.elements} * op.batch;
    t.ofmap.write(results, width_of(op.out)), t.ofmap.read(results, width_of(op.out));
    t.ofmap.write(partial, c.accumulator_bits), t.ofmap.read(partial, c.accumulator_bits);
    t.dram.write(results, width_of(op.out));
    t.dram.bits += checked_count{op.batch} * bits_in_vain(c, s.ofmap, width_of(op.out));
    if (!half_holds(c.ofmap_kib, s.ofmap.block, c.accumulator_bits))
        t.dram.write(partial, c.accumulator_bits), t.dram.read(partial, c.accumulator_bits);
}

/// The elements that the vector unit passes: a softmax and a layer norm take three passes (maximum, sum, quotient; mean,
/// variance, scale). Tensors come from main memory and go back, through the ofmap SRAM.
constexpr checked_count add_vector_traffic(const operation& op, systolic_totals& t) noexcept {
    const bool rows = op.kind == operation_kind::softmax || op.kind == operation_kind::layer_norm;
    const checked_count elements = checked_count{op.lhs_elements()} * (rows ? 3 : 1);
    t.dram.read(op.lhs_elements(), width_of(op.lhs)), t.ofmap.write(op.lhs_elements(), width_of(op.lhs));
    t.dram.read(op.rhs_elements(), width_of(op.rhs)), t.ofmap.write(op.rhs_elements(), width_of(op.rhs));
    t.ofmap.read(elements, width_of(op.lhs)), t.ofmap.read(op.rhs_elements(), width_of(op.rhs));
    t.ofmap.write(op.elements(), width_of(op.out)), t.ofmap.read(op.elements(), width_of(op.out));
    t.dram.write(op.elements(), width_of(op.out));
    return elements;
}

/// A load fills the SRAM of its tensor class: weights the filter's, all else the ifmap's. A store empties the ofmap SRAM.
constexpr void add_transfer(const operation& op, systolic_totals& t) noexcept {
    const std::uint64_t width = width_of(op.lhs);
    if (op.kind == operation_kind::load) {
        t.dram.read(op.elements(), width);
        (op.lhs.cls == tensor_class::weight ? t.filter : t.ifmap).write(op.elements(), width);
    } else {
        t.ofmap.read(op.elements(), width);
        t.dram.write(op.elements(), width);
    }
}

} // namespace detail

/// The share of the cells that have work, mean over the folds of a matmul, in [0, 1]; 0 for any other operation and where
/// there is no cell or no product.
[[nodiscard]] constexpr double mapping_efficiency(const systolic_config& c, const operation& op) noexcept {
    if (op.macs() == 0 || c.rows == 0 || c.columns == 0) return 0;
    const detail::systolic_space s = detail::systolic_space_of(c.dataflow, op);
    const detail::systolic_folds folds = detail::systolic_folds_of(c, s);
    return static_cast<double>(s.down) / (static_cast<double>(folds.down) * static_cast<double>(c.rows)) *
           (static_cast<double>(s.across) / (static_cast<double>(folds.across) * static_cast<double>(c.columns)));
}

/// A systolic array (TPU, SCALE-Sim), with a vector unit for what is no matmul. Operations run one after the other.
///
/// A matmul takes the cycles of SCALE-Sim v2, which counts them to the last one's index: with R rows, C columns and the
/// extents of `systolic_dataflow` down (D), across (A) and streaming (T), ceil(D / R) ceil(A / C) (2R + C + T - 2) - 1, and
/// R + C + T - 2 in the brackets where outputs stay. Each product of a batch is a run of its own: linear layers stack their
/// images in m. Every operation fetches its operands and stores its result, while the array works: it takes the longer of
/// the two times. Overlapping windows of a convolution are fetched as the matrix that im2col makes of them. The array is
/// dense: what an operation skips takes its cycles and accesses, but no MAC energy.
///
/// A matmul's tensors pass main memory fold by fold: where weights stay, blocks of m x R of the left operand, R x C of the
/// right one and m x C of the result; where outputs do, R x k, k x C and R x C; where inputs do, C x R, R x n and C x n.
/// `layout` says what whole bursts bring of them: elements that travel in vain take time, bits and energy of main memory and
/// are no reads or writes. Partial sums come and go in the order in which the array makes them, tensors of the vector unit,
/// loads and stores as a whole: there is no layout that could be wrong.
///
/// Reads and writes of "ifmap_sram", "filter_sram" and "ofmap_sram" towards the array are SCALE-Sim's, but for its count of
/// stationary outputs, which adds R + C a fold. The report counts the other sides too: what fills and what drains an SRAM.
/// Its passes are sums over their operations.
///
/// Errors: a configuration or workload that validate() refuses; more than 2^64 - 1 cycles, accesses or bits, or than
/// `event_limit` cycles of one product in the event mode (wrong_size).
///
/// @code
/// lutra::workload_buffer<1> network;
/// network.add(lutra::convolution_as_matmul({224, 224, 11, 11, 3, 96, 4})); // AlexNet's first layer
/// const lutra::accelerator_report r = lutra::systolic{lutra::scale_sim_32}.simulate(network.view()).value();
/// const double used = r.component("mac_array").utilization(r.cycles); // 91.683 % of 112,283 cycles
/// @endcode
struct systolic {
    static constexpr std::string_view name = "systolic";
    static constexpr std::uint64_t event_limit = 10'000'000'000; ///< cycles of one product: a minute or two

    systolic_config config{};

    [[nodiscard]] constexpr result<accelerator_report> simulate(const workload& w) const {
        if (const status s = validate(config); !s) return s.error();
        if (const status s = validate(w); !s) return s.error();
        detail::systolic_totals all;
        std::array<detail::systolic_totals, 3> passes;
        for (std::size_t i = 0; i < w.operations.size(); ++i) {
            const operation& op = w.operations[i];
            const auto fault = [&](std::string_view what) {
                return error{error_code::wrong_size, 0,
                             text<320>{} << "operation " << i << " (" << op.label << ") takes " << what};
            };
            constexpr std::string_view overflow = "the sums past 2^64 - 1 cycles, accesses or bits; expected fewer";
            if (op.macs() != 0) {
                const auto cycles = detail::systolic_cycles(config, detail::systolic_space_of(config.dataflow, op));
                if (cycles.overflowed()) return fault(overflow);
                if (config.mode == systolic_mode::event && cycles.value() > event_limit)
                    return fault(text<160>{} << "more than " << event_limit
                                             << " cycles, the limit of the event mode; use systolic_mode::analytical");
            }
            const detail::systolic_totals one = totals_of(op);
            all += one;
            passes[static_cast<std::size_t>(op.pass)] += one;
            if (all.overflowed()) return fault(overflow);
        }
        return detail::report_by_pass(passes, all, [this](const detail::systolic_totals& t) { return report(t); });
    }

private:
    [[nodiscard]] constexpr detail::systolic_totals totals_of(const operation& op) const {
        detail::systolic_totals t;
        if (op.elements() == 0 || op.lhs_elements() == 0) return t;
        detail::checked_count cycles;
        switch (op.kind) {
        case operation_kind::matmul: {
            const detail::systolic_space space = detail::systolic_space_of(config.dataflow, op);
            const detail::systolic_edges edges = config.mode == systolic_mode::event
                                                     ? detail::walk_folds(config.rows, config.columns, space)
                                                     : detail::systolic_edges_of(config, space);
            cycles = detail::checked_count{edges.cycles - 1} * op.batch;
            add_matmul_traffic(config, op, edges, t);
            t.macs = detail::checked_count{edges.macs} * op.batch;
            t.executed_macs = op.executed_macs();
            t.mac_work = op.executed_macs() * op.mac.power;
            break;
        }
        case operation_kind::elementwise:
        case operation_kind::softmax:
        case operation_kind::layer_norm:
        case operation_kind::reduction: {
            t.vector_busy = add_vector_traffic(op, t);
            cycles = detail::ceil_div(t.vector_busy.value(), config.vector_lanes);
            break;
        }
        case operation_kind::load:
        case operation_kind::store: add_transfer(op, t); break;
        }
        t.dram_busy = detail::ceil_div(t.dram.bits.value(), config.dram_bits);
        t.cycles = cycles.overflowed() || cycles.value() > t.dram_busy.value() ? cycles : t.dram_busy;
        return t;
    }

    constexpr accelerator_report report(const detail::systolic_totals& t) const {
        const process_node& node = config.node;
        accelerator_report r;
        r.cycles = t.cycles.value();
        r.frequency = 1e6 * node.megahertz;
        r.macs = t.macs.value();
        r.executed_macs = t.executed_macs;
        // Dynamic power was measured at the clock of the synthesis; leakage goes on at the clock of the node.
        const auto module = [&](std::string_view label, std::uint64_t count, const module_cost& synthesised, double work,
                                std::uint64_t busy) {
            const module_cost cost = node.scaled(synthesised, config.synthesis);
            const double copies = static_cast<double>(count);
            r.add({.name = label,
                   .count = count,
                   .area = 1e-6 * cost.area * copies,
                   .dynamic_energy = cost.dynamic_energy(config.synthesis.megahertz) * work,
                   .leakage_energy = cost.leakage_energy(node.megahertz) * copies * static_cast<double>(r.cycles),
                   .busy = busy});
        };
        const module_cost mac = config.mac.scaled({.power = 1, .area = config.multiplier_area});
        module("mac_array", config.rows * config.columns, mac, t.mac_work, t.macs.value());
        module("vector_unit", config.vector_lanes, config.vector_lane, static_cast<double>(t.vector_busy.value()),
               t.vector_busy.value());
        const auto buffer = [&](std::string_view label, std::uint64_t kib, const detail::memory_traffic& traffic) {
            const double megabytes = static_cast<double>(kib) / 1024;
            const module_cost cost =
                node.scaled({config.sram.area, config.sram.access, config.sram.leakage}, config.synthesis);
            component_report c = traffic.report(label, component_kind::buffer);
            c.area = 1e-6 * cost.area * megabytes;
            c.dynamic_energy = c.bits / config.sram.bandwidth * cost.dynamic * math::sqrt(megabytes);
            c.leakage_energy = cost.leakage_energy(node.megahertz) * megabytes * static_cast<double>(r.cycles);
            r.add(c);
        };
        buffer("ifmap_sram", config.ifmap_kib, t.ifmap);
        buffer("filter_sram", config.filter_kib, t.filter);
        buffer("ofmap_sram", config.ofmap_kib, t.ofmap);
        component_report dram = t.dram.report("dram", component_kind::memory);
        dram.dynamic_energy = dram.bits * config.dram_energy;
        dram.busy = t.dram_busy.value();
        r.add(dram);
        return r;
    }
};
static_assert(accelerator<systolic>);

} // namespace lutra
