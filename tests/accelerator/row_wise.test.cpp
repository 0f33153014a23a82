// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/accelerator/row_wise.hpp>
#include <lutra/core/workload.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/prune/token_pruning.hpp>
#include <lutra/prune/token_schedule.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace lutra;

namespace {

constexpr operand weight8{.cls = tensor_class::weight};

constexpr result<accelerator_report> run(const row_wise_config& c, const operation& op) {
    return row_wise{c}.simulate(workload{{&op, 1}, {}});
}
constexpr operation linear(std::uint64_t m, std::uint64_t k, std::uint64_t n, std::uint64_t batch = 1) {
    return {.label = "linear", .batch = batch, .m = m, .n = n, .k = k, .rhs = weight8};
}
constexpr operation scores(std::uint64_t m, std::uint64_t k, std::uint64_t n, std::uint64_t batch = 1) {
    return {.label = "attn.scores", .batch = batch, .m = m, .n = n, .k = k, .rhs = operand{}};
}
constexpr operation context(std::uint64_t m, std::uint64_t k, std::uint64_t n, std::uint64_t batch = 1) {
    return {.label = "attn.context", .batch = batch, .m = m, .n = n, .k = k, .rhs = operand{}};
}
/// A main memory that never makes the array wait for the shapes here.
constexpr row_wise_config waiting_for_nothing(row_wise_config c) {
    c.dram_bits = std::uint64_t{1} << 20;
    return c;
}
constexpr row_wise_config array_of(std::uint64_t lanes, std::uint64_t macs) {
    row_wise_config c = waiting_for_nothing(low_power_vit);
    c.lanes = lanes, c.macs = macs;
    return c;
}
std::string fault(const row_wise_config& c) {
    const auto s = validate(c);
    if (s) return "";
    const auto r = run(c, linear(1, 1, 1));
    CHECK((!r && r.error().message == s.error().message && r.error().code == s.error().code));
    return std::string{s.error().message.view()};
}

constexpr bool near(double value, double expected, double share) {
    return value > expected * (1 - share) && value < expected * (1 + share);
}
// The published figures. The structure gives the first; two fitted constants give the others.
static_assert(peak_operations_per_second(low_power_vit) == 1024e9);
static_assert(low_power_vit.weight_kib + low_power_vit.activation_kib + low_power_vit.output_kib == 232);
static_assert(near(peak_power(low_power_vit), 0.443, 0.005));
static_assert(near(chip_area(low_power_vit), 1.19, 0.005));
static_assert(near(1e-12 * peak_operations_per_second(low_power_vit) / peak_power(low_power_vit), 2.31, 0.001));
static_assert(near(1e-9 * peak_operations_per_second(low_power_vit) / chip_area(low_power_vit), 858.61, 0.001));

// 3 rows of 8 lanes, 65 columns in two tiles, 5 steps each.
static_assert(run(waiting_for_nothing(low_power_vit), linear(3, 5, 65))->cycles == 10);
static_assert(run(waiting_for_nothing(low_power_vit), scores(9, 64, 7))->cycles == 2 * 7);

/// What a walk through the loops counts.
struct walked {
    std::uint64_t steps = 0, macs = 0, left_reads = 0, right_reads = 0, right_fills = 0, partials = 0;
};

using matrix = std::vector<int>;
int at(const matrix& x, std::uint64_t row, std::uint64_t columns, std::uint64_t column) {
    return x[static_cast<std::size_t>(row * columns + column)];
}

struct walk_shape {
    std::uint64_t m, k, n;
    std::uint64_t rows_held;    ///< of a block
    std::uint64_t depth_held;   ///< rows of a weight tile in the weight SRAM
    bool right_stays, skipping; ///< all right elements stay on the chip; steps of zeros are left out
};

/// One product of m x k by k x n, loop by loop: blocks of rows, tiles of columns, blocks of depth, groups of rows, steps.
walked walk(const row_wise_config& c, const walk_shape& s, const matrix& left, const matrix& right, matrix& out) {
    walked w;
    if (s.right_stays) w.right_fills = s.k * s.n;
    for (std::uint64_t block = 0; block < s.m; block += s.rows_held)
        for (std::uint64_t n0 = 0; n0 < s.n; n0 += c.macs)
            for (std::uint64_t k0 = 0; k0 < s.k; k0 += s.depth_held) {
                const std::uint64_t k1 = std::min(k0 + s.depth_held, s.k), n1 = std::min(n0 + c.macs, s.n);
                const std::uint64_t end = std::min(block + s.rows_held, s.m);
                if (!s.right_stays) w.right_fills += (k1 - k0) * (n1 - n0);
                for (std::uint64_t m0 = block; m0 < end; m0 += c.lanes) {
                    const std::uint64_t m1 = std::min(m0 + c.lanes, end);
                    if (k0 != 0 && s.rows_held > c.lanes) w.partials += (m1 - m0) * (n1 - n0);
                    for (std::uint64_t k = k0; k < k1; ++k) {
                        bool zero = true;
                        for (std::uint64_t m = m0; m < m1; ++m) zero = zero && at(left, m, s.k, k) == 0;
                        if (zero && s.skipping) continue;
                        ++w.steps;
                        w.left_reads += m1 - m0;
                        w.right_reads += n1 - n0;
                        for (std::uint64_t m = m0; m < m1; ++m)
                            for (std::uint64_t n = n0; n < n1; ++n, ++w.macs)
                                out[static_cast<std::size_t>(m * s.n + n)] += at(left, m, s.k, k) * at(right, k, s.n, n);
                    }
                }
            }
    return w;
}

/// Dot products with keys of n x k, which are read as they lie.
walked walk_dots(const row_wise_config& c, const walk_shape& s, const matrix& left, const matrix& keys, matrix& out) {
    walked w;
    for (std::uint64_t m0 = 0; m0 < s.m; m0 += c.lanes) {
        const std::uint64_t m1 = std::min(m0 + c.lanes, s.m);
        std::uint64_t held = s.k; // where the left elements in the lanes begin
        for (std::uint64_t n = 0; n < s.n; ++n)
            for (std::uint64_t k0 = 0; k0 < s.k; k0 += c.macs) {
                const std::uint64_t k1 = std::min(k0 + c.macs, s.k);
                ++w.steps;
                if (held != k0) w.left_reads += (m1 - m0) * (k1 - k0);
                held = k0;
                w.right_reads += k1 - k0;
                for (std::uint64_t m = m0; m < m1; ++m)
                    for (std::uint64_t k = k0; k < k1; ++k, ++w.macs)
                        out[static_cast<std::size_t>(m * s.n + n)] += at(left, m, s.k, k) * at(keys, n, s.k, k);
            }
    }
    return w;
}

void check_walk(const accelerator_report& r, const walked& w, std::uint64_t products) {
    CHECK(r.cycles == w.steps * products);
    CHECK(r.component("mac_array").busy == w.macs * products);
    CHECK(r.component("activation_sram").reads == static_cast<double>(w.left_reads * products));
    CHECK(r.component("weight_sram").reads == static_cast<double>(w.right_reads * products));
}

constexpr vit_config deit(std::uint32_t dim) {
    return {.image_height = 224,
            .image_width = 224,
            .channels = 3,
            .patch = 16,
            .dim = dim,
            .depth = 12,
            .heads = dim / 64,
            .mlp = 4 * dim,
            .classes = 1000,
            .activation = activation_kind::relu};
}

using deit_workload = workload_buffer<256, 512>;

/// @p share of the patch tokens stay in three blocks, as in EViT.
void describe_deit(const vit_config& c, float share, deit_workload& out) {
    std::vector<token_pruning> schedule(c.depth);
    if (share < 1) spread(token_pruning::keep_top(share), schedule);
    std::vector<layer_choice> choices(c.depth);
    for (std::size_t i = 0; i < choices.size(); ++i) choices[i].tokens = schedule[i];
    describe(c, choices, 1, out);
}
std::vector<operation> with_zeros(const workload& w, double skipped) {
    std::vector<operation> ops(w.operations.begin(), w.operations.end());
    for (operation& op : ops)
        if (op.label == "mlp.fc2") op.lhs.sparsity = op.lhs.skipped = skipped;
    return ops;
}
double executed(const std::vector<operation>& ops) {
    double sum = 0;
    for (const operation& op : ops) sum += op.executed_macs();
    return sum;
}
double chip_energy(const accelerator_report& r) { return r.energy() - r.component("dram").energy(); }

} // namespace

TEST_CASE("a row-wise accelerator at its peak draws what is published") {
    // 25 groups of 8 rows, 6 tiles of 64 columns: every MAC works in every cycle.
    const row_wise_config c = waiting_for_nothing(low_power_vit);
    const operation op = linear(200, 768, 384);
    const accelerator_report r = run(c, op).value();
    CHECK(mapping_efficiency(c, op) == 1);
    CHECK(r.cycles == 25 * 6 * 768);
    CHECK(r.component("mac_array").utilization(r.cycles) == 1);
    CHECK(r.operations_per_second() == Approx(1024e9).epsilon(1e-12));
    // The peak, and what fills the SRAMs and what leaves them.
    CHECK(1e-9 * chip_energy(r) / r.seconds() > peak_power(c));
    CHECK(1e-9 * chip_energy(r) / r.seconds() < 1.03 * peak_power(c));
    const auto read_energy = [&](std::string_view sram) {
        const component_report& x = r.component(sram);
        return x.energy() * x.reads / (x.reads + x.writes);
    };
    const double array = r.component("mac_array").energy() + read_energy("weight_sram") + read_energy("activation_sram");
    CHECK(1e-9 * array / r.seconds() == Approx(peak_power(c)).epsilon(1e-12));
    CHECK(r.area() == Approx(chip_area(c)).epsilon(1e-12));
    CHECK(r.area() == Approx(1.19).epsilon(0.005));
    // Half of the lanes: half of the peak.
    row_wise_config half = low_power_vit;
    half.lanes = 4;
    CHECK(peak_operations_per_second(half) == 512e9);
}

TEST_CASE("cycles of small products by hand") {
    const row_wise_config c = array_of(2, 3);
    CHECK(run(c, linear(1, 1, 1))->cycles == 1);
    CHECK(run(c, linear(2, 5, 3))->cycles == 5);
    CHECK(run(c, linear(3, 5, 3))->cycles == 2 * 5);
    CHECK(run(c, linear(3, 5, 4))->cycles == 2 * 2 * 5);
    CHECK(mapping_efficiency(c, linear(3, 5, 4)) == Approx(3 * 4 / (4.0 * 6)));
    // A batch with a shared weight: 6 rows in 3 groups, not 2 groups twice.
    CHECK(run(c, linear(3, 5, 4, 2))->cycles == 3 * 2 * 5);
    CHECK(run(c, context(3, 5, 4, 2))->cycles == 2 * (2 * 2 * 5));
    // Keys are read in rows: 2 groups x 4 keys x 2 parts of 3 of their 5 elements.
    CHECK(run(c, scores(3, 5, 4, 2))->cycles == 2 * (2 * 4 * 2));
    CHECK(mapping_efficiency(c, scores(3, 5, 4)) == Approx(3 * 5 / (4.0 * 6)));
    // A weight with such a label has been laid out as the array likes it.
    operation named = linear(3, 5, 4);
    named.label = "attn.scores";
    CHECK(run(c, named)->cycles == 2 * 2 * 5);
    // 197 tokens, a head of 64: dot products fill the MACs, the transposed way round 4 tiles of 64 would be padded.
    CHECK(run(waiting_for_nothing(low_power_vit), scores(197, 64, 197, 3))->cycles == 3 * 25 * 197);
    CHECK(run(waiting_for_nothing(low_power_vit), context(197, 64, 197, 3))->cycles == 3 * 25 * 4 * 64);
    // Nothing to do.
    CHECK(run(c, linear(0, 5, 4))->cycles == 0);
    CHECK(run(c, linear(3, 0, 4))->cycles == 0);
    CHECK(mapping_efficiency(c, linear(3, 0, 4)) == 0);
}

TEST_CASE("the documented example") {
    workload_buffer<1> network;
    network.add({.label = "mlp.fc1", .m = 197, .n = 768, .k = 192, .rhs = {.cls = tensor_class::weight}});
    const accelerator_report r = row_wise{low_power_vit}.simulate(network.view()).value();
    CHECK(r.cycles == 25 * 12 * 192);
    CHECK(r.energy() > 0);
}

TEST_CASE("closed forms equal a walk through the loops") {
    std::mt19937 random{7};
    const auto pick = [&](std::uint32_t least, std::uint32_t most) { return least + random() % (most - least + 1); };
    for (int i = 0; i < 300; ++i) {
        row_wise_config c = array_of(pick(1, 6), pick(1, 9));
        c.weight_kib = c.activation_kib = c.output_kib = 1;
        c.double_buffered = true;
        c.skipping = pick(0, 1) ? row_skipping::steps : row_skipping::none;
        const std::uint64_t products = pick(1, 3), k = pick(1, 400), n = pick(1, 30);
        const std::uint64_t m = c.skipping == row_skipping::none ? pick(1, 40) : c.lanes * pick(1, 8);
        matrix left(static_cast<std::size_t>(m * k)), right(static_cast<std::size_t>(k * n));
        for (int& x : left) x = static_cast<int>(pick(1, 127));
        for (int& x : right) x = static_cast<int>(pick(0, 254)) - 127;
        // Whole groups of zeros, counted as the workload counts them.
        std::uint64_t zeros = 0;
        if (c.skipping == row_skipping::steps)
            for (std::uint64_t m0 = 0; m0 < m; m0 += c.lanes)
                for (std::uint64_t x = 0; x < k; ++x)
                    if (pick(0, 2) == 0)
                        for (std::uint64_t row = m0; row < m0 + c.lanes; ++row, ++zeros)
                            left[static_cast<std::size_t>(row * k + x)] = 0;

        // Of 1024 bytes: rows of left elements; of half as many: rows of a weight tile; partial sums of 4 bytes.
        const std::uint64_t across = std::min(c.macs, n), depth_held = 512 / across;
        std::uint64_t rows = 1024 / k;
        if (k > depth_held) rows = std::min(rows, 1024 / 4 / across);
        const std::uint64_t rows_held = std::max<std::uint64_t>(rows / c.lanes, 1) * c.lanes;
        // More rows than there are need no partial sums of a single group.
        const walk_shape s{m,
                           k,
                           n,
                           std::min(rows_held, detail::ceil_div(m, c.lanes) * c.lanes),
                           depth_held,
                           k * n <= 512,
                           c.skipping != row_skipping::none};
        matrix expected(static_cast<std::size_t>(m * n)), made(expected.size());
        for (std::uint64_t row = 0; row < m; ++row)
            for (std::uint64_t column = 0; column < n; ++column)
                for (std::uint64_t x = 0; x < k; ++x)
                    expected[static_cast<std::size_t>(row * n + column)] += at(left, row, k, x) * at(right, x, n, column);

        operation op = context(m, k, n, products);
        op.lhs.skipped = static_cast<double>(zeros) / static_cast<double>(m * k);
        const walked w = walk(c, s, left, right, made);
        CHECK(made == expected);
        if (w.steps != 0) { // main memory takes a cycle in any case
            const accelerator_report r = run(c, op).value();
            check_walk(r, w, products);
            const std::uint64_t sweeps = k * std::min(m, c.lanes) <= 1024 ? 1 : detail::ceil_div(n, c.macs);
            CHECK(r.component("activation_sram").writes == static_cast<double>(m * k * sweeps * products));
            CHECK(r.component("weight_sram").writes == static_cast<double>(w.right_fills * products));
            CHECK(r.component("output_sram").writes == static_cast<double>((m * n + w.partials) * products));
        }

        matrix keys(right.size()), dots(expected.size());
        for (std::uint64_t x = 0; x < k; ++x)
            for (std::uint64_t column = 0; column < n; ++column)
                keys[static_cast<std::size_t>(column * k + x)] = at(right, x, n, column);
        const walked d = walk_dots(c, s, left, keys, dots);
        CHECK(dots == expected);
        operation key_product = scores(m, k, n, products);
        key_product.lhs.skipped = op.lhs.skipped; // of which dot products make no use
        check_walk(run(c, key_product).value(), d, products);
    }
}

TEST_CASE("zero activations leave out steps and weights") {
    row_wise_config c = waiting_for_nothing(low_power_vit);
    operation fc2 = linear(197, 768, 192);
    fc2.lhs.skipped = 0.5;
    fc2.mac.power = 0.25;
    const std::uint64_t dense = 25 * 3 * 768;
    const double weights = 768 * 192;
    const auto with = [&](row_skipping skipping) {
        c.skipping = skipping;
        return run(c, fc2).value();
    };
    const accelerator_report none = with(row_skipping::none), steps = with(row_skipping::steps),
                             fetches = with(row_skipping::fetches);
    CHECK(none.cycles == dense);
    CHECK(none.executed_macs == static_cast<double>(none.macs));
    CHECK(steps.cycles == dense / 2);
    CHECK(steps.executed_macs == static_cast<double>(steps.macs) / 2);
    CHECK(steps.component("mac_array").energy() == Approx(none.component("mac_array").energy() / 2));
    CHECK(fetches.cycles == dense / 2);
    // 80 KiB hold 104 rows of 768 elements: two blocks, and 48 KiB no 768 x 192 weights, so these come twice.
    CHECK(none.component("weight_sram").writes == 2 * weights);
    CHECK(steps.component("weight_sram").writes == 2 * weights);
    CHECK(fetches.component("weight_sram").writes == weights);
    CHECK(none.component("dram").reads == 2 * weights + 197 * 768);
    CHECK(none.component("dram").writes == 197 * 192);
    CHECK(steps.component("weight_sram").reads == 25 * weights / 2);

    // Everything is zero; weights that are zero are multiplied.
    fc2.lhs.skipped = 1;
    CHECK(with(row_skipping::fetches).component("mac_array").busy == 0);
    fc2.lhs.skipped = 0, fc2.rhs.skipped = 0.75;
    CHECK(with(row_skipping::fetches).executed_macs == static_cast<double>(fc2.macs()));

    // A multiplier of less power saves its own share of a MAC's energy, one of less area its own share of the area.
    operation exact = fc2;
    exact.mac.power = 1;
    const double saved = run(c, exact)->energy() - run(c, fc2)->energy();
    const detail::row_wise_costs costs{c};
    CHECK(saved == Approx(0.75 * static_cast<double>(fc2.macs()) * costs.multiplier.dynamic));
    row_wise_config small = c;
    small.multiplier_area = 0.5;
    CHECK(chip_area(c) - chip_area(small) == Approx(1e-6 * 512 * 0.5 * costs.multiplier.area));
    CHECK(run(small, fc2)->area() == Approx(chip_area(small)));
}

TEST_CASE("time is the longer of computing and moving, or their sum") {
    row_wise_config c = low_power_vit; // 64 bits a cycle
    const operation head = linear(1, 192, 1000);
    // 16 tiles of 192 steps; 192 + 192,000 elements in, 1000 out.
    CHECK(run(c, head)->cycles == (192 + 192'000 + 1000) / 8);
    CHECK(run(c, head)->component("dram").busy == run(c, head)->cycles);
    c.double_buffered = false;
    CHECK(run(c, head)->cycles == (192 + 192'000 + 1000) / 8 + 16 * 192);
}

TEST_CASE("results stay on the chip where they fit") {
    const row_wise_config c = waiting_for_nothing(low_power_vit); // 136 KiB for activations and results
    const auto moved = [&](std::uint64_t tokens) {
        workload_buffer<4> out;
        const auto fc1 = out.add(linear(tokens, 64, 512));
        operation relu{.kind = operation_kind::elementwise, .label = "relu", .m = tokens, .n = 512};
        const auto hidden = out.add(relu, {fc1});
        out.add(linear(tokens, 512, 64), {hidden});
        return row_wise{c}.simulate(out.view()).value();
    };
    const accelerator_report fits = moved(272), spills = moved(273); // 136 KiB are 272 rows of 512
    CHECK(fits.component("dram").writes == 272 * 64);
    CHECK(fits.component("dram").reads == 272 * 64 + 2 * 64 * 512);
    CHECK(spills.component("dram").writes == 273 * (64 + 512));
    CHECK(spills.component("dram").reads == 273 * (64 + 512) + 2 * 64 * 512);
    CHECK(fits.component("vector_unit").busy == 0); // ReLU is made as the sums leave the array

    workload_buffer<4> out;
    const auto x = out.add({.kind = operation_kind::load, .label = "x", .m = 8, .n = 64});
    const auto y = out.add({.kind = operation_kind::softmax, .label = "softmax", .m = 8, .n = 64}, {x});
    out.add({.kind = operation_kind::elementwise, .label = "add", .m = 8, .n = 64, .rhs = operand{}}, {y});
    const accelerator_report r = row_wise{c}.simulate(out.view()).value();
    CHECK(r.component("vector_unit").busy == 3 * 512 + 512);
    CHECK(r.cycles == 24 + 8);
    CHECK(r.component("dram").reads == 512);
    CHECK(r.component("dram").writes == 512);
    CHECK(r.macs == 0);
}

TEST_CASE("what is no row-wise accelerator is an error") {
    const auto with = [](auto change) {
        row_wise_config c = low_power_vit;
        change(c);
        return fault(c);
    };
    CHECK(validate(low_power_vit).has_value());
    CHECK(with([](auto& c) { c.lanes = 0; }) == "row_wise_config: lanes is 0; expected 1 to 1048576");
    CHECK(with([](auto& c) { c.macs = 1u << 21; }) == "row_wise_config: macs is 2097152; expected 1 to 1048576");
    CHECK(with([](auto& c) { c.weight_kib = 0; }) == "row_wise_config: weight_kib is 0; expected 1 to 1073741824");
    CHECK(with([](auto& c) { c.accumulator_bits = 65; }) == "row_wise_config: accumulator_bits is 65; expected 1 to 64");
    CHECK(with([](auto& c) { c.skipping = static_cast<row_skipping>(3); }) ==
          "row_wise_config: skipping is 3; expected none, steps or fetches (0 to 2)");
    CHECK(with([](auto& c) { c.mac_energy = -1; }) ==
          "row_wise_config: mac_energy is -1; expected a finite number of at least 0");
    CHECK(with([](auto& c) { c.sram.bandwidth = 0; }) ==
          "row_wise_config: sram.bandwidth is 0; expected a finite number above 0");
    CHECK(with([](auto& c) { c.node.volts = std::numeric_limits<double>::quiet_NaN(); }) ==
          "row_wise_config: node.volts is NaN; expected a finite number above 0");

    const std::uint64_t large = std::uint64_t{1} << 31;
    const auto overflow = run(low_power_vit, linear(large, 2, large));
    REQUIRE(!overflow);
    CHECK(overflow.error().code == error_code::wrong_size);
    CHECK(overflow.error().message.view() ==
          "operation 0 (linear) takes the sums past 2^64 - 1 cycles, accesses or bits; expected fewer");
    operation bad = linear(1, 1, 1);
    bad.lhs.skipped = 2;
    CHECK(run(low_power_vit, bad).error().code == error_code::malformed);
}

TEST_CASE("passes add up to the whole") {
    const row_wise_config c = waiting_for_nothing(low_power_vit);
    constexpr std::uint64_t cycles[]{10, 2 * 7, 5}; // 2 tiles of 5 steps; 2 groups of 7; 3 times 96 elements on 64 lanes
    for (std::size_t later = 0; later < 3; ++later) {
        workload_buffer<4> b;
        const auto add = [&](operation op, std::size_t i) {
            op.pass = i == later ? operation_pass::update : operation_pass::forward;
            b.add(op);
        };
        add(linear(3, 5, 65), 0);
        add(scores(9, 64, 7), 1);
        add({.kind = operation_kind::softmax, .m = 4, .n = 24}, 2);
        const auto r = row_wise{c}.simulate(b.view()).value();
        CHECK(r.cycles == 10 + 14 + 5);
        CHECK(r.passes[0].cycles == r.cycles - cycles[later]);
        CHECK(r.passes[1].cycles == 0);
        CHECK(r.passes[2].cycles == cycles[later]);
        CHECK(r.passes[1].dynamic_energy == 0);
        CHECK(r.passes[2].dynamic_energy > 0);
        CHECK(r.passes[0].dynamic_energy + r.passes[2].dynamic_energy == Approx(r.dynamic_energy()).epsilon(1e-12));
    }
}

TEST_CASE("DeiT-Ti and DeiT-S, dense and with 61.5 % fewer operations") {
    // Figures of this model, for comparison: no published ones exist. ms of one image; mJ with main memory, and of the chip.
    struct figures {
        double milliseconds, millijoules, chip;
    };
    struct network {
        std::uint32_t dim;
        figures dense, pruned;
        double most; ///< of the dense latency that the pruned one may take
    };
    // The floor of both is 0.385, the operations. DeiT-Ti loses more to the padding of few tokens and to its vector unit and
    // weights, which fall less; DeiT-S waits for main memory in either case, for tensors that fall with the tokens.
    for (const network& f : {network{192, {2.632, 3.000, 1.157}, {1.208, 1.426, 0.4535}, 0.47},
                             network{384, {12.42, 16.31, 4.195}, {4.804, 6.359, 1.627}, 0.40}}) {
        const vit_config c = deit(f.dim);
        deit_workload dense_ops;
        describe_deit(c, 1, dense_ops);
        const workload whole = dense_ops.view();
        const double all = static_cast<double>(whole.macs());
        const accelerator_report dense = row_wise{}.simulate(whole).value();

        // The published share of FFN2 weights, and the greatest share of tokens with which operations fall by 61.5 %.
        deit_workload pruned_ops;
        std::vector<operation> ops;
        float share = 1;
        do {
            share -= 0.005f;
            pruned_ops.clear();
            describe_deit(c, share, pruned_ops);
            ops = with_zeros(pruned_ops.view(), 0.593);
        } while (executed(ops) > 0.385 * all);
        const workload less{ops, pruned_ops.view().dependencies};
        const accelerator_report pruned = row_wise{}.simulate(less).value();
        CHECK(dense.executed_macs == all);
        CHECK(pruned.executed_macs == Approx(executed(ops)));
        CHECK(pruned.executed_macs / all == Approx(0.385).epsilon(0.01));

        const auto check = [](const accelerator_report& r, const figures& expected) {
            CHECK(1e3 * r.seconds() == Approx(expected.milliseconds).epsilon(1e-3));
            CHECK(1e-6 * r.energy() == Approx(expected.millijoules).epsilon(1e-3));
            CHECK(1e-6 * chip_energy(r) == Approx(expected.chip).epsilon(1e-3));
        };
        check(dense, f.dense);
        check(pruned, f.pruned);
        const double latency = static_cast<double>(pruned.cycles) / static_cast<double>(dense.cycles);
        CHECK(latency > 0.385);
        CHECK(latency < f.most);
        CHECK(chip_energy(pruned) / chip_energy(dense) == Approx(0.39).epsilon(0.01));
        // The array alone: rows that a last group lacks are all that it loses.
        CHECK(dense.seconds() > all / 512e9);
        CHECK(pruned.component("mac_array").utilization(pruned.cycles) > 0.7);
    }
}
