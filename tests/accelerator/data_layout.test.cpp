// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/accelerator/systolic.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <string>

using namespace lutra;

namespace {

constexpr std::array layouts{data_layout::ideal, data_layout::block_wise, data_layout::row_major};
constexpr std::array dataflows{systolic_dataflow::weight_stationary, systolic_dataflow::output_stationary,
                               systolic_dataflow::input_stationary};

constexpr std::uint64_t bursts(data_layout layout, const detail::blocked_matrix& m, std::uint64_t width,
                               std::uint64_t burst) {
    return detail::bursts_of(layout, m, width, burst).value();
}
// 197 x 384 bytes in blocks of 32 columns: half of each burst of 64 bytes in vain, in rows; nothing, in blocks.
static_assert(bursts(data_layout::row_major, {197, 384, 197, 32}, 8, 512) == 197 * 12);
static_assert(bursts(data_layout::block_wise, {197, 384, 197, 32}, 8, 512) == 12 * 99); // 6304 bytes are 98.5 bursts
static_assert(bursts(data_layout::ideal, {197, 384, 197, 32}, 8, 512) == 197 * 6);
// Rows of 100 bytes in blocks of 24: bytes 0, 24, 48 to 71 (two bursts), 72 and 96 to 99: six of them, for two of a whole
// row.
static_assert(bursts(data_layout::row_major, {7, 100, 3, 24}, 8, 512) == 7 * 6);
static_assert(bursts(data_layout::row_major, {7, 100, 3, 100}, 8, 512) == 7 * 2);
// 2 x 4 blocks of 72 bytes, 2 of 12, a row of 4 of 24 and one of 4.
static_assert(bursts(data_layout::block_wise, {7, 100, 3, 24}, 8, 512) == 8 * 2 + 2 + 4 + 1);
static_assert(bursts(data_layout::row_major, {7, 100, 3, 24}, 0, 512) == 0);

/// Fetches every block, burst by burst.
std::uint64_t walked(data_layout layout, const detail::blocked_matrix& m, std::uint64_t width, std::uint64_t burst) {
    std::uint64_t count = 0;
    const std::uint64_t pitch = (m.columns * width + burst - 1) / burst * burst; // of a row that begins with a burst
    for (std::uint64_t r0 = 0; r0 < m.rows; r0 += m.block_rows)
        for (std::uint64_t c0 = 0; c0 < m.columns; c0 += m.block_columns) {
            const std::uint64_t r1 = std::min(r0 + m.block_rows, m.rows), c1 = std::min(c0 + m.block_columns, m.columns);
            for (std::uint64_t r = r0; r < r1; ++r) {
                std::set<std::uint64_t> touched;
                for (std::uint64_t bit = c0 * width; bit < c1 * width; ++bit) touched.insert((r * pitch + bit) / burst);
                if (layout == data_layout::row_major) count += touched.size();
            }
            if (layout == data_layout::block_wise) count += ((r1 - r0) * (c1 - c0) * width + burst - 1) / burst;
        }
    return count;
}

accelerator_report run(const systolic_config& c, const operation& op) {
    const auto r = systolic{c}.simulate({{&op, 1}, {}});
    REQUIRE(r.has_value());
    return *r;
}
constexpr operation matmul(std::uint64_t m, std::uint64_t k, std::uint64_t n) {
    return {.label = "product", .m = m, .n = n, .k = k, .rhs = {.cls = tensor_class::weight}};
}
constexpr systolic_config laid_out(data_layout layout, systolic_config c = scale_sim_32) {
    c.layout = layout;
    return c;
}

} // namespace

TEST_CASE("data_layout: the closed form fetches as many bursts as a walk through the blocks") {
    std::mt19937 random{3};
    const auto some = [&](std::uint64_t most) { return 1 + random() % most; };
    for (int i = 0; i < 2000; ++i) {
        const detail::blocked_matrix m{some(12), some(90), some(14), some(40)};
        const std::uint64_t width = some(20), burst = 8 * some(40);
        CAPTURE(m.rows, m.columns, m.block_rows, m.block_columns, width, burst);
        for (const data_layout layout : {data_layout::block_wise, data_layout::row_major})
            CHECK(bursts(layout, m, width, burst) == walked(layout, m, width, burst));
    }
}

TEST_CASE("data_layout: what travels in vain takes bits, energy and time, and is no read") {
    // DeiT-S's first linear layer of a feed-forward network; folds of 32 x 32
    const operation op = matmul(197, 384, 1536);
    systolic_config c = scale_sim_32;
    c.ifmap_kib = c.filter_kib = c.ofmap_kib = 4096, c.dram_bits = 1; // main memory sees each tensor once, and is slow
    const accelerator_report ideal = run(laid_out(data_layout::ideal, c), op),
                             block = run(laid_out(data_layout::block_wise, c), op),
                             row = run(laid_out(data_layout::row_major, c), op);
    const double left = 197 * 384 * 8, right = 384 * 1536 * 8, out = 197 * 1536 * 8;
    CHECK(ideal.component("dram").bits == left + right + out);
    CHECK(row.component("dram").bits == 2 * (left + right + out)); // 32 of 64 bytes
    CHECK(block.component("dram").bits == 512 * (12 * 99 + 12 * 48 * 16 + 48 * 99));
    for (const accelerator_report* r : {&block, &row}) {
        CHECK(r->component("dram").reads == ideal.component("dram").reads);
        CHECK(r->component("dram").writes == ideal.component("dram").writes);
        CHECK(static_cast<double>(r->cycles) == r->component("dram").bits);
        CHECK(r->component("dram").dynamic_energy == Approx(r->component("dram").bits * c.dram_energy));
        for (const std::string sram : {"ifmap_sram", "filter_sram", "ofmap_sram"})
            CHECK(r->component(sram).bits == ideal.component(sram).bits);
    }
    // in sweeps: each of the 48 fetches the left operand anew, and what travels in vain with it
    c.ifmap_kib = 64;
    CHECK(run(laid_out(data_layout::row_major, c), op).component("dram").bits == 2 * (48 * left + right + out));
    // a weight that does not stay comes again for each of the batch
    operation two = op;
    two.batch = 2, c.ifmap_kib = 4096, c.filter_kib = 64;
    CHECK(run(laid_out(data_layout::row_major, c), two).component("dram").bits == 4 * (left + right + out));
}

TEST_CASE("data_layout: what rows cost in DeiT-S's mlp.fc1, the figures of the documentation") {
    struct figures {
        std::uint64_t side;
        double megabytes[3], bits, cycles; ///< of each layout; row by row, of block by block
    };
    for (const figures& f : {figures{16, {8.155, 8.270, 32.618}, 3.94, 1.82},
                             {32, {4.524, 4.543, 9.047}, 1.99, 1.69},
                             {64, {14.812, 14.812, 14.812}, 1, 1}}) {
        std::array<accelerator_report, 3> r;
        for (std::size_t i = 0; i < 3; ++i) {
            r[i] = run(laid_out(layouts[i], {.rows = f.side, .columns = f.side}), matmul(197, 384, 1536));
            CHECK(r[i].component("dram").bits / 8e6 == Approx(f.megabytes[i]).epsilon(2e-4));
        }
        CHECK(r[2].component("dram").bits / r[1].component("dram").bits == Approx(f.bits).epsilon(2e-3));
        CHECK(static_cast<double>(r[2].cycles) / static_cast<double>(r[1].cycles) == Approx(f.cycles).epsilon(3e-3));
    }
}

TEST_CASE("data_layout: each dataflow asks for blocks of its own") {
    systolic_config c = scale_sim_32;
    c.rows = 3, c.columns = 5, c.burst_bytes = 16;
    const operation op = matmul(7, 19, 11);
    const auto bursts_in = [&](systolic_dataflow dataflow, data_layout layout) {
        c.dataflow = dataflow, c.layout = layout;
        return run(c, op).component("dram").bits / (8 * 16);
    };
    using enum systolic_dataflow;
    using enum data_layout;
    // bursts of 16 bytes; rows: 19 in blocks of 3, of which 15 to 17 is split: 8; 11 in blocks of 5: 3
    CHECK(bursts_in(weight_stationary, row_major) == 7 * 8 + 19 * 3 + 7 * 3);
    // 7 x 3 bytes: 2 bursts, six times, and one of 7; 3 x 5: 1; 7 x 5: 3, twice, and 7
    CHECK(bursts_in(weight_stationary, block_wise) == (6 * 2 + 1) + 7 * 3 + (2 * 3 + 1));
    CHECK(bursts_in(output_stationary, row_major) == 7 * 2 + 19 * 3 + 7 * 3); // whole rows of the left operand
    CHECK(bursts_in(output_stationary, block_wise) == (2 * 4 + 2) + (2 * 6 + 2) + 3 * 3);
    CHECK(bursts_in(input_stationary, row_major) == 7 * 8 + 19 * 1 + 7 * 1);
    CHECK(bursts_in(input_stationary, block_wise) == 2 * 7 + (6 * 3 + 1) + (4 + 2));
    c.burst_bytes = 1; // of an element each
    for (const systolic_dataflow dataflow : dataflows)
        for (const data_layout layout : layouts) CHECK(bursts_in(dataflow, layout) * 16 == 7 * 19 + 19 * 11 + 7 * 11);
}

TEST_CASE("data_layout: whatever is no matmul moves as a whole, and what is too large is an error") {
    for (const operation_kind kind : {operation_kind::softmax, operation_kind::elementwise, operation_kind::load}) {
        const operation op{.kind = kind, .m = 7, .n = 20};
        CHECK(run(laid_out(data_layout::row_major), op).component("dram").bits ==
              run(scale_sim_32, op).component("dram").bits);
    }
    operation tall = matmul(std::uint64_t{3} << 54, 1, 1); // bytes that fit, but not where each takes a burst
    tall.out.bits = 0;
    CHECK(systolic{scale_sim_32}.simulate({{&tall, 1}, {}}).has_value());
    const auto r = systolic{laid_out(data_layout::row_major)}.simulate({{&tall, 1}, {}});
    REQUIRE(!r.has_value());
    CHECK(r.error().code == error_code::wrong_size);
    systolic_config huge = laid_out(data_layout::block_wise); // blocks that would not fit
    huge.rows = huge.columns = std::uint64_t{1} << 20, huge.dataflow = systolic_dataflow::output_stationary;
    const operation deep = matmul(1, std::uint64_t{1} << 46, 1);
    CHECK(systolic{huge}.simulate({{&deep, 1}, {}}).has_value());
    systolic_config c = laid_out(static_cast<data_layout>(3));
    CHECK(validate(c).error().message.view() ==
          "systolic_config: layout is 3; expected ideal, block_wise or row_major (0 to 2)");
    c = scale_sim_32, c.burst_bytes = 0;
    CHECK(validate(c).error().message.view() == "systolic_config: burst_bytes is 0; expected 1 to 65536");
}
