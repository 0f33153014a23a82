// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/concept.hpp>
#include <lutra/accelerator/detail/config_check.hpp>
#include <lutra/accelerator/detail/memory_traffic.hpp>
#include <lutra/accelerator/report.hpp>
#include <lutra/accelerator/technology.hpp>
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
/// A row-wise accelerator of Vision Transformers with three SRAMs and main memory, after Hsiung and Chang, "Low Power Vision
/// Transformer Accelerator with Hardware-Aware Pruning and Optimized Dataflow" (arXiv 2510.14393, 2025).
///
/// What is published: 1024 GOPS at 1 GHz, 496.4 K gates and 232 KB of SRAM in TSMC 28 nm, 2.31 TOPS/W, 858.61 GOPS/mm2. How
/// its 512 MACs are arranged, how its SRAM is split and what its main memory gives is not: 8 x 64, 96 + 80 + 56 KiB and 64
/// bits a cycle are choices of this model. Its power and area are the published ones because two constants were fitted to
/// them: that is calibration, not validation. Nothing published checks its cycles.

namespace lutra {

/// nJ a MAC beyond its multiplier (adder, registers, clock, control, leakage), 28 nm. Fitted: low_power_vit draws 1024 GOPS
/// / 2.31 TOPS/W at its peak.
inline constexpr double fitted_mac_energy = 2.897e-4;
/// mm2 of everything that has no area of its own here (adders, registers, control, SRAM periphery, wiring) to a mm2 of what
/// has: multipliers, SRAM bits, vector lanes. Fitted: low_power_vit takes 1024 GOPS / 858.61 GOPS/mm2.
inline constexpr double fitted_area_overhead = 1.5884;

/// What a row-wise accelerator leaves out where left elements are zero: the share `lhs.skipped` of a matmul.
enum class row_skipping : std::uint8_t {
    none,    ///< nothing
    steps,   ///< steps: `skipped` are elements that are zero in all rows of a group of `lanes`
    fetches, ///< and the weights that they meet: `skipped` are columns that are zero in all rows (dynamic FFN2 pruning)
};

/// A row-wise accelerator. Costs are given as on `synthesis` and moved to `node`; main memory's are not moved.
struct row_wise_config {
    std::uint64_t lanes = 8;             ///< rows at a time, 1 to 2^20
    std::uint64_t macs = 64;             ///< of a lane, one a column, 1 to 2^20
    std::uint64_t weight_kib = 96;       ///< of SRAM for right operands, 1 to 2^30
    std::uint64_t activation_kib = 80;   ///< of SRAM for left operands, likewise
    std::uint64_t output_kib = 56;       ///< of SRAM for results and partial sums, likewise
    std::uint64_t accumulator_bits = 32; ///< of a partial sum, 1 to 64
    std::uint64_t vector_lanes = 64;     ///< elements a cycle of whatever is no matmul, 1 to 2^20
    std::uint64_t dram_bits = 64;        ///< bits a cycle between SRAM and main memory, 1 to 2^20
    bool double_buffered = true;         ///< half of the weight SRAM is filled while the array reads the other
    row_skipping skipping = row_skipping::fetches;

    module_cost multiplier = node_28nm.scaled(multiplier_45nm, node_45nm); ///< exact; relative power: operation::mac
    double multiplier_area = 1;                                            ///< of the multipliers, relative to exact ones
    double mac_energy = fitted_mac_energy;                                 ///< nJ a MAC beyond its multiplier
    module_cost vector_lane = pwl_unit_28nm;
    /// systolic_config's SRAM of 45 nm, moved to 28 nm: 0.134 um2 a bit, 41.7 pJ for 64 bits of 1 MB; its periphery and its
    /// leakage are in the fitted constants.
    buffer_cost sram{.area = 0.346 * 8 * 1024 * 1024 * (28.0 / 45) * (28.0 / 45),
                     .access = 0.1 * (28.0 / 45) * (0.9 / 1.1) * (0.9 / 1.1),
                     .leakage = 0,
                     .bandwidth = 64};
    double area_overhead = fitted_area_overhead; ///< of the area with exact multipliers
    double dram_energy = 1.3 / 64;               ///< nJ a bit: 1.3 nJ for 64 bits (Horowitz, ISSCC 2014)
    process_node synthesis = node_28nm_500mhz, node = node_28nm;

    friend constexpr bool operator==(const row_wise_config&, const row_wise_config&) = default;
};

/// The accelerator of arXiv 2510.14393: 512 MACs at 1 GHz, 232 KiB.
inline constexpr row_wise_config low_power_vit{};

/// Checks a configuration: counts lie in their ranges (wrong_size), costs are finite and not negative, nodes and the width
/// of an SRAM access above 0, enumerators known (malformed). The error names the field, its value and what is allowed.
[[nodiscard]] constexpr status validate(const row_wise_config& c) {
    constexpr std::uint64_t wide = std::uint64_t{1} << 20, large = std::uint64_t{1} << 30;
    if (c.skipping > row_skipping::fetches)
        return error{error_code::malformed, 0,
                     text<320>{} << "row_wise_config: skipping is " << static_cast<unsigned>(c.skipping)
                                 << "; expected none, steps or fetches (0 to 2)"};
    return detail::check_fields("row_wise_config",
                                {{"lanes", c.lanes, wide},
                                 {"macs", c.macs, wide},
                                 {"weight_kib", c.weight_kib, large},
                                 {"activation_kib", c.activation_kib, large},
                                 {"output_kib", c.output_kib, large},
                                 {"accumulator_bits", c.accumulator_bits, 64},
                                 {"vector_lanes", c.vector_lanes, wide},
                                 {"dram_bits", c.dram_bits, wide}},
                                {{"multiplier.area", c.multiplier.area},
                                 {"multiplier.dynamic", c.multiplier.dynamic},
                                 {"multiplier.leakage", c.multiplier.leakage},
                                 {"multiplier_area", c.multiplier_area},
                                 {"mac_energy", c.mac_energy},
                                 {"vector_lane.area", c.vector_lane.area},
                                 {"vector_lane.dynamic", c.vector_lane.dynamic},
                                 {"vector_lane.leakage", c.vector_lane.leakage},
                                 {"sram.area", c.sram.area},
                                 {"sram.access", c.sram.access},
                                 {"sram.leakage", c.sram.leakage},
                                 {"sram.bandwidth", c.sram.bandwidth, true},
                                 {"area_overhead", c.area_overhead},
                                 {"dram_energy", c.dram_energy},
                                 {"synthesis.nanometres", c.synthesis.nanometres, true},
                                 {"synthesis.volts", c.synthesis.volts, true},
                                 {"synthesis.megahertz", c.synthesis.megahertz, true},
                                 {"node.nanometres", c.node.nanometres, true},
                                 {"node.volts", c.node.volts, true},
                                 {"node.megahertz", c.node.megahertz, true}});
}

namespace detail {

/// Costs on a configuration's node.
class row_wise_costs {
public:
    constexpr explicit row_wise_costs(const row_wise_config& c)
        : multiplier{moved(c, c.multiplier)},
          vector_lane{moved(c, c.vector_lane)},
          sram{c.node.scaled({c.sram.area, c.sram.access, c.sram.leakage}, c.synthesis)},
          mac_energy{c.node.scaled({0, c.mac_energy, 0}, c.synthesis).dynamic},
          config_{c} {}

    /// mm2 with exact multipliers, before the overhead.
    [[nodiscard]] constexpr double stated_area() const noexcept {
        return 1e-6 * (mac_count() * multiplier.area + static_cast<double>(config_.vector_lanes) * vector_lane.area +
                       sram.area * (megabytes(config_.weight_kib) + megabytes(config_.activation_kib) +
                                    megabytes(config_.output_kib)));
    }
    [[nodiscard]] constexpr double overhead_area() const noexcept { return config_.area_overhead * stated_area(); }
    /// nJ for @p bits in or out of an SRAM.
    [[nodiscard]] constexpr double sram_energy(std::uint64_t kib, double bits) const noexcept {
        return bits / config_.sram.bandwidth * sram.dynamic * math::sqrt(megabytes(kib));
    }
    [[nodiscard]] static constexpr double megabytes(std::uint64_t kib) noexcept { return static_cast<double>(kib) / 1024; }
    [[nodiscard]] constexpr double mac_count() const noexcept {
        return static_cast<double>(config_.lanes) * static_cast<double>(config_.macs);
    }

    module_cost multiplier, vector_lane; ///< dynamic: nJ a cycle of work
    module_cost sram;                    ///< a MB; dynamic: nJ an access
    double mac_energy;                   ///< nJ

private:
    /// Dynamic power was measured at the clock of the synthesis.
    static constexpr module_cost moved(const row_wise_config& c, const module_cost& synthesised) {
        module_cost cost = c.node.scaled(synthesised, c.synthesis);
        cost.dynamic /= c.synthesis.megahertz;
        return cost;
    }
    row_wise_config config_;
};

} // namespace detail

/// Operations a second with every MAC at work, two a MAC.
[[nodiscard]] constexpr double peak_operations_per_second(const row_wise_config& c) noexcept {
    return 2 * static_cast<double>(c.lanes) * static_cast<double>(c.macs) * (1e6 * c.node.megahertz);
}

/// W that the chip draws at that peak, main memory apart: 8-bit products with exact multipliers, a row of weights and an
/// element a lane read each cycle. What fills the SRAMs and what leaves them comes on top: in a large product 1 to 3 % of
/// low_power_vit's. @p c must be valid.
[[nodiscard]] constexpr double peak_power(const row_wise_config& c) {
    const detail::row_wise_costs costs{c};
    const double cycle = costs.mac_count() * (costs.multiplier.dynamic + costs.mac_energy) +
                         costs.sram_energy(c.weight_kib, 8 * static_cast<double>(c.macs)) +
                         costs.sram_energy(c.activation_kib, 8 * static_cast<double>(c.lanes));
    const double leakage =
        costs.mac_count() * costs.multiplier.leakage + static_cast<double>(c.vector_lanes) * costs.vector_lane.leakage +
        costs.sram.leakage *
            (costs.megabytes(c.weight_kib) + costs.megabytes(c.activation_kib) + costs.megabytes(c.output_kib));
    return 1e-3 * (cycle * c.node.megahertz + leakage);
}

/// mm2 of the chip. @p c must be valid.
[[nodiscard]] constexpr double chip_area(const row_wise_config& c) {
    const detail::row_wise_costs costs{c};
    return costs.stated_area() + costs.overhead_area() +
           1e-6 * costs.mac_count() * costs.multiplier.area * (c.multiplier_area - 1);
}

namespace detail {

/// @p all times @p share, to the nearest.
constexpr checked_count part_of(checked_count all, double share) noexcept {
    if (share >= 1 || all.overflowed()) return all;
    return checked_count{static_cast<std::uint64_t>(static_cast<double>(all.value()) * share + 0.5)};
}

/// How a matmul runs: products of rows x depth by depth x columns, each in blocks of rows, in groups of `lanes` rows.
struct row_wise_plan {
    bool dot_product = false; ///< the right operand is stored transposed, as the rows of columns x depth
    double kept = 1;          ///< the share of steps that is taken
    std::uint64_t products = 1, rows = 0, columns = 0, depth = 0;
    std::uint64_t groups = 0;        ///< of rows
    std::uint64_t tiles = 0;         ///< of columns, or of depth in a dot product
    std::uint64_t row_blocks = 1;    ///< passes over the right operand where that does not stay on the chip
    std::uint64_t depth_blocks = 1;  ///< between which partial sums leave the registers
    bool rows_stay = true;           ///< the left elements of a group stay on the chip for all of its tiles
    bool right_operand_stays = true; ///< all of it fits

    /// Cycles of the array, nothing skipped.
    [[nodiscard]] constexpr checked_count steps() const noexcept {
        return checked_count{products} * groups * tiles * (dot_product ? columns : depth);
    }
    /// Times that a left element goes to the array.
    [[nodiscard]] constexpr std::uint64_t left_sweeps() const noexcept {
        return !dot_product ? tiles : tiles == 1 ? 1 : columns;
    }
};

/// Elements of @p bits bits in @p kib KiB.
constexpr std::uint64_t elements_in(std::uint64_t kib, std::uint64_t bits) noexcept {
    return bits == 0 ? std::numeric_limits<std::uint64_t>::max() : kib * (1024 * 8) / bits;
}

/// Of a matmul without an extent of 0.
constexpr row_wise_plan row_wise_plan_of(const row_wise_config& c, const operation& op) noexcept {
    const bool shared = op.rhs.cls == tensor_class::weight;
    row_wise_plan p;
    p.dot_product = !shared && op.label.ends_with("scores");
    p.kept = p.dot_product || c.skipping == row_skipping::none ? 1 : 1 - op.lhs.skipped;
    p.products = shared ? 1 : op.batch, p.rows = shared ? op.batch * op.m : op.m;
    p.columns = op.n, p.depth = op.k;
    p.groups = ceil_div(p.rows, c.lanes);
    p.tiles = ceil_div(p.dot_product ? p.depth : p.columns, c.macs);

    const std::uint64_t weights = elements_in(c.weight_kib, width_of(op.rhs)) / (c.double_buffered ? 2 : 1);
    const std::uint64_t across = std::min(c.macs, p.columns); // of a tile
    const std::uint64_t fitting_depth = std::max<std::uint64_t>(weights / across, 1);
    const bool cut = !p.dot_product && p.depth > fitting_depth;
    std::uint64_t rows = elements_in(c.activation_kib, width_of(op.lhs)) / p.depth;
    p.rows_stay = rows >= std::min(c.lanes, p.rows);
    if (cut) rows = std::min(rows, elements_in(c.output_kib, c.accumulator_bits) / across);
    const std::uint64_t groups = std::max<std::uint64_t>(rows / c.lanes, 1);
    p.row_blocks = ceil_div(p.groups, groups);
    // The sums of a single group stay in its registers.
    if (cut && std::min(groups, p.groups) > 1) p.depth_blocks = ceil_div(p.depth, fitting_depth);
    p.right_operand_stays = p.depth <= weights / p.columns;
    return p;
}

/// Sums over the operations of a workload.
struct row_wise_totals {
    checked_count cycles, macs, vector_busy, dram_busy;
    memory_traffic weight, activation, output, dram;
    double executed_macs = 0;
    double multiplier_work = 0; ///< executed MACs, each times the relative power of its multiplier
    constexpr row_wise_totals& operator+=(const row_wise_totals& other) noexcept {
        cycles += other.cycles, macs += other.macs, vector_busy += other.vector_busy, dram_busy += other.dram_busy;
        weight += other.weight, activation += other.activation, output += other.output, dram += other.dram;
        executed_macs += other.executed_macs, multiplier_work += other.multiplier_work;
        return *this;
    }
    [[nodiscard]] constexpr bool overflowed() const noexcept {
        return cycles.overflowed() || macs.overflowed() || vector_busy.overflowed() || dram_busy.overflowed() ||
               weight.overflowed() || activation.overflowed() || output.overflowed() || dram.overflowed();
    }
};

/// The accesses that a matmul makes; @p fetched: its activations come from main memory.
constexpr void add_row_wise_traffic(const row_wise_config& c, const operation& op, const row_wise_plan& p, bool fetched,
                                    row_wise_totals& t) noexcept {
    const std::uint64_t left_width = width_of(op.lhs), right_width = width_of(op.rhs);
    const checked_count left = checked_count{p.products} * p.rows * p.depth, sweeps = p.left_sweeps();
    const checked_count filled = p.rows_stay ? left : left * sweeps;
    if (fetched) t.dram.read(filled, left_width);
    t.activation.write(filled, left_width);
    t.activation.read(part_of(left * sweeps, p.kept), left_width);

    const bool shared = op.rhs.cls == tensor_class::weight;
    const checked_count right = checked_count{p.products} * p.depth * p.columns;
    const checked_count entered = part_of(right * (p.right_operand_stays ? 1 : p.row_blocks),
                                          shared && c.skipping == row_skipping::fetches ? p.kept : 1);
    if (fetched || shared) t.dram.read(entered, right_width);
    t.weight.write(entered, right_width);
    t.weight.read(part_of(right * p.groups, p.kept), right_width);

    const checked_count partial = checked_count{op.elements()} * (p.depth_blocks - 1);
    t.output.write(partial, c.accumulator_bits), t.output.read(partial, c.accumulator_bits);
}

} // namespace detail

/// The share of the MACs that have work in a step, mean over the steps of a matmul, in [0, 1]; 0 for any other operation and
/// where there is no MAC or no product.
[[nodiscard]] constexpr double mapping_efficiency(const row_wise_config& c, const operation& op) noexcept {
    if (op.macs() == 0 || c.lanes == 0 || c.macs == 0) return 0;
    const detail::row_wise_plan p = detail::row_wise_plan_of(c, op);
    const double rows = static_cast<double>(p.groups) * static_cast<double>(c.lanes);
    const double across = static_cast<double>(p.tiles) * static_cast<double>(c.macs);
    return static_cast<double>(p.rows) / rows * (static_cast<double>(p.dot_product ? p.depth : p.columns) / across);
}

/// A row-wise accelerator, with a vector unit for what is no matmul. Operations run one after the other.
///
/// A matmul of m x k by k x n. Each of L lanes holds one output row of a tile of W = `macs` columns in its registers. In
/// step k it takes one element a(m, k) and multiplies it with the row of W right elements w(k, n..), which all lanes share.
/// So a tile takes k steps and a product ceil(m / L) ceil(n / W) k: idle lanes of a last group and idle MACs of a last tile
/// wait. Rows of a batch that shares a weight follow each other; other batches are products of their own. Registers are
/// doubled, so that a tile leaves while the next runs; the few cycles of filling the pipeline are not counted.
///
/// The right operand of a product of activations whose label ends in "scores" is the keys, which the accelerator reads in
/// rows as they lie, n x k: each lane then makes the dot product of W elements a step, ceil(m / L) n ceil(k / W) steps in
/// all, and nothing is transposed. Every other right operand counts as k x n, as it lies.
///
/// `skipping` leaves steps out, but not in a dot product: the share lhs.skipped of them, to the nearest. The workload's
/// `skipped` must be counted as row_skipping says: of single elements, as the CPU kernels skip, it promises more than lanes
/// that go in step can hold. Weights that are dropped (rhs.skipped) are multiplied as the zeros that they are.
///
/// Blocks of rows whose left elements fit the activation SRAM, each runs all tiles of columns. A tile's weights (k x W) stay
/// in the weight SRAM (half of it, double-buffered) for a block; where they do not fit, k is cut and the block must also
/// leave room for its partial sums in the output SRAM. So weights come from main memory once a block, or once where all of
/// them fit. A result stays on the chip where it fits the activation and output SRAM together (what else is alive meanwhile
/// is not counted), else it is stored, and fetched by each operation that waits for it; so are the first inputs and the last
/// result, and what the workload loads or stores, which takes nothing more of itself. An operation takes the longer of the
/// times of its unit and of main memory; without double buffering of the weights a matmul takes their sum.
///
/// An elementwise operation of one tensor, a matmul's result, is made as that leaves the array (ReLU) and takes nothing. All
/// others pass the vector unit, a softmax and a layer norm three times.
///
/// Energy: executed MACs, accesses to the SRAMs and main memory, elements of the vector unit. What the chip draws while it
/// waits is in the fitted constants only, in the energy of a MAC. The report's passes are sums over their operations.
///
/// Errors: a configuration or workload that validate() refuses; more than 2^64 - 1 cycles, accesses or bits (wrong_size).
///
/// @code
/// lutra::workload_buffer<1> network; // 197 tokens of DeiT-Ti: 25 groups of rows, 12 tiles of columns, 192 steps
/// network.add({.label = "mlp.fc1", .m = 197, .n = 768, .k = 192, .rhs = {.cls = lutra::tensor_class::weight}});
/// const lutra::accelerator_report r = lutra::row_wise{lutra::low_power_vit}.simulate(network.view()).value();
/// const double milliseconds = 1e3 * r.seconds(), millijoules = 1e-6 * r.energy(); // main memory is in both
/// @endcode
struct row_wise {
    static constexpr std::string_view name = "row_wise";

    row_wise_config config{};

    [[nodiscard]] constexpr result<accelerator_report> simulate(const workload& w) const {
        if (const status s = validate(config); !s) return s.error();
        if (const status s = validate(w); !s) return s.error();
        detail::row_wise_totals all;
        std::array<detail::row_wise_totals, 3> passes;
        for (std::size_t i = 0; i < w.operations.size(); ++i) {
            const detail::row_wise_totals one = totals_of(w, i);
            all += one;
            passes[static_cast<std::size_t>(w.operations[i].pass)] += one;
            if (all.overflowed())
                return error{error_code::wrong_size, 0,
                             text<320>{} << "operation " << i << " (" << w.operations[i].label
                                         << ") takes the sums past 2^64 - 1 cycles, accesses or bits; expected fewer"};
        }
        return detail::report_by_pass(passes, all, [this](const detail::row_wise_totals& t) { return report(t); });
    }

private:
    static constexpr bool is_move(const operation& op) noexcept {
        return op.kind == operation_kind::load || op.kind == operation_kind::store;
    }
    /// Whether the result of @p op lies in main memory.
    [[nodiscard]] constexpr bool spills(const operation& op) const noexcept {
        return is_move(op) ||
               op.elements() > detail::elements_in(config.activation_kib + config.output_kib, detail::width_of(op.out));
    }
    [[nodiscard]] constexpr bool fetches(const workload& w, const operation& op) const {
        const auto from = w.dependencies_of(op);
        return from.empty() || std::any_of(from.begin(), from.end(), [&](auto d) { return spills(w.operations[d]); });
    }
    static constexpr bool fused(const workload& w, const operation& op) {
        const auto from = w.dependencies_of(op);
        return op.kind == operation_kind::elementwise && op.rhs.bits == 0 && from.size() == 1 &&
               w.operations[from[0]].kind == operation_kind::matmul;
    }

    [[nodiscard]] constexpr detail::row_wise_totals totals_of(const workload& w, std::size_t i) const {
        detail::row_wise_totals t;
        const operation& op = w.operations[i];
        if (is_move(op) || op.elements() == 0 || op.lhs_elements() == 0 || fused(w, op)) return t;
        const bool multiplies = op.kind == operation_kind::matmul, fetched = fetches(w, op);
        detail::checked_count cycles;
        if (multiplies) {
            const detail::row_wise_plan p = detail::row_wise_plan_of(config, op);
            cycles = detail::part_of(p.steps(), p.kept);
            detail::add_row_wise_traffic(config, op, p, fetched, t);
            const double executed = static_cast<double>(op.macs()) * p.kept;
            t.macs = op.macs();
            t.executed_macs = executed;
            t.multiplier_work = executed * op.mac.power;
        } else {
            const bool rows = op.kind == operation_kind::softmax || op.kind == operation_kind::layer_norm;
            for (const auto& [o, elements] : {operand_size{op.lhs, op.lhs_elements()}, {op.rhs, op.rhs_elements()}}) {
                if (fetched || o.cls == tensor_class::weight) t.dram.read(elements, detail::width_of(o));
                t.activation.write(elements, detail::width_of(o));
                t.activation.read(detail::checked_count{elements} * (rows ? 3 : 1), detail::width_of(o));
            }
            t.vector_busy = detail::checked_count{op.lhs_elements()} * (rows ? 3 : 1);
            cycles = detail::ceil_div(t.vector_busy.value(), config.vector_lanes);
        }
        t.output.write(op.elements(), detail::width_of(op.out)), t.output.read(op.elements(), detail::width_of(op.out));
        if (spills(op) || i + 1 == w.operations.size()) t.dram.write(op.elements(), detail::width_of(op.out));

        t.dram_busy = detail::ceil_div(t.dram.bits.value(), config.dram_bits);
        if (multiplies && !config.double_buffered)
            t.cycles = cycles + t.dram_busy;
        else
            t.cycles = cycles.overflowed() || cycles.value() > t.dram_busy.value() ? cycles : t.dram_busy;
        return t;
    }
    struct operand_size {
        operand of;
        std::uint64_t elements;
    };

    constexpr accelerator_report report(const detail::row_wise_totals& t) const {
        const detail::row_wise_costs costs{config};
        const process_node& node = config.node;
        accelerator_report r;
        r.cycles = t.cycles.value();
        r.frequency = 1e6 * node.megahertz;
        r.macs = t.macs.value();
        r.executed_macs = t.executed_macs;
        const double cycles = static_cast<double>(r.cycles), lanes = static_cast<double>(config.vector_lanes);
        r.add({.name = "mac_array",
               .count = config.lanes * config.macs,
               .area = 1e-6 * costs.multiplier.area * config.multiplier_area * costs.mac_count(),
               .dynamic_energy = t.multiplier_work * costs.multiplier.dynamic + t.executed_macs * costs.mac_energy,
               .leakage_energy =
                   costs.multiplier.leakage_energy(node.megahertz) * config.multiplier_area * costs.mac_count() * cycles,
               .busy = detail::part_of(t.macs, r.macs == 0 ? 1 : t.executed_macs / static_cast<double>(r.macs)).value()});
        r.add({.name = "vector_unit",
               .count = config.vector_lanes,
               .area = 1e-6 * costs.vector_lane.area * lanes,
               .dynamic_energy = costs.vector_lane.dynamic * static_cast<double>(t.vector_busy.value()),
               .leakage_energy = costs.vector_lane.leakage_energy(node.megahertz) * lanes * cycles,
               .busy = t.vector_busy.value()});
        const auto buffer = [&](std::string_view label, std::uint64_t kib, const detail::memory_traffic& traffic) {
            component_report c = traffic.report(label, component_kind::buffer);
            c.area = 1e-6 * costs.sram.area * costs.megabytes(kib);
            c.dynamic_energy = costs.sram_energy(kib, c.bits);
            c.leakage_energy = costs.sram.leakage_energy(node.megahertz) * costs.megabytes(kib) * cycles;
            r.add(c);
        };
        buffer("weight_sram", config.weight_kib, t.weight);
        buffer("activation_sram", config.activation_kib, t.activation);
        buffer("output_sram", config.output_kib, t.output);
        r.add({.name = "overhead", .count = 1, .area = costs.overhead_area()});
        component_report dram = t.dram.report("dram", component_kind::memory);
        dram.dynamic_energy = dram.bits * config.dram_energy;
        dram.busy = t.dram_busy.value();
        r.add(dram);
        return r;
    }
};
static_assert(accelerator<row_wise>);

} // namespace lutra
