// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The nonlinear room's rows of the table of ratios; docs/nonlinear.md says what each means.
#include <lutra/core/random.hpp>
#include <lutra/gemm/map_bytes.hpp>
#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/fit_genetic.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>

#include "support/ratios.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t count = 16384; // of values: in the L1 cache, with their results

/// Keeps the compiler from leaving out what was written to @p memory.
template <class T>
void written(const T& memory) {
    asm volatile("" : : "r"(memory.data()) : "memory"); // NOLINT(hicpp-no-assembler)
}

/// GELU of int8 by its table, against others who make as many values.
template <class Other>
void table_row(bench::ratios& table, bench::ratio_row row, Other other) {
    const auto unit = lutra::pwl_unit<8>{
        lutra::fit_genetic(lutra::gelu{}, 8, {}, {-128, 256, 32}, {.lines = lutra::pwl_lines::least_squares}).table,
        {8, 5},
        {8, 5}};
    const std::array<std::int8_t, 256> values = lutra::int8_values(unit);
    lutra::random_generator random{1};
    std::vector<std::int8_t> in(count), out(count);
    for (auto& x : in) x = static_cast<std::int8_t>(random.between(-128, 127));
    const auto own = [&] {
        lutra::map_bytes(in, values, out);
        written(out);
    };
    const bench::turns t = bench::compare(
        own, [&] { other(in, values); }, table.much());
    row.ratio = bench::median(t.ratios());
    row.value = static_cast<double>(count) / bench::median(t.own) / 1e9;
    row.unit = "G values/s";
    table.add(std::move(row));
}

void table_rows(bench::ratios& table) {
    using bytes = std::vector<std::int8_t>;
    using values = std::array<std::int8_t, 256>;
    bytes out(count);
    std::vector<float> x(count), y(count);
    for (std::size_t i = 0; i < count; ++i) x[i] = static_cast<float>(static_cast<int>(i % 256) - 128) / 32;

    table_row(table, {.name = "nonlinear/int8_table", .against = "memcpy of the bytes"},
              [&](const bytes& in, const values&) {
                  std::memcpy(out.data(), in.data(), count);
                  written(out);
              });
    table_row(table, {.name = "nonlinear/int8_table_over_loop", .at_least = 4, .against = "a load and a store a byte"},
              [&](const bytes& in, const values& v) {
                  lutra::kernel::map_bytes(v.data(), {in.data(), count, out.data(), count, 1, count});
                  written(out);
              });
    table_row(table, {.name = "nonlinear/int8_table_over_erf", .at_least = 100, .against = "float GELU by std::erf"},
              [&](const bytes&, const values&) {
                  for (std::size_t i = 0; i < count; ++i) y[i] = x[i] / 2 * (1 + std::erf(x[i] * 0.70710678f));
                  written(y);
              });
    table_row(table, {.name = "nonlinear/int8_table_over_float", .against = "own float GELU in SIMD"},
              [&](const bytes&, const values&) {
                  std::memcpy(y.data(), x.data(), count * sizeof(float));
                  lutra::apply<lutra::gelu>(y);
                  written(y);
              });
}

/// A GELU table of 8 entries at the published budget of 50 x 500.
void fit_row(bench::ratios& table) {
    constexpr double published = 128; // seconds, GQA-LUT's Python code on a machine of this class
    std::uint64_t seed = 0;
    const auto own = [&] {
        lutra::genetic_fit_options options = lutra::published_ends<lutra::gelu>;
        options.seed = ++seed;
        written(lutra::fit_genetic(lutra::gelu{}, 8, {}, lutra::published_grid<lutra::gelu>, options).table.slope);
    };
    std::vector<double> seconds;
    for (std::size_t round = 0; round < table.much().rounds; ++round)
        seconds.push_back(bench::seconds_of(own, table.much().turn));
    table.add({.name = "nonlinear/fit_genetic",
               .ratio = published / bench::median(seconds),
               .value = bench::median(seconds),
               .unit = "s/table",
               .higher_is_better = false,
               .at_least = 1000,
               .against = "GQA-LUT's code, 128 s"});
}

const bench::room nonlinear{"nonlinear", [](bench::ratios& table) {
                                table_rows(table);
                                fit_row(table);
                            }};

} // namespace
