// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sparse weights in the table of ratios: how many times as fast as the dense product of the same shape. docs/prune.md says
// what limits each row.
#include "gemm/own.hpp"
#include "gemm/own_sparse.hpp"
#include "gemm/vit_s.hpp"
#include "support/ratios.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using bench::gemm_shape;
using bench::ratio_row;
using bench::ratios;

constexpr std::size_t outputs = 64; ///< that share a pattern
constexpr lutra::block_shape tile{outputs, 16};

/// The block linears of a ViT-S, sparse and dense by turns: a row of their geometric mean and one more for each. The value
/// counts the products of the dense layer.
template <class Own, class Dense>
void add_rows(ratios& table, ratio_row row, Own own, Dense dense) {
    std::vector<bench::turns> parts;
    std::vector<double> work;
    for (const gemm_shape s : bench::vit_s_block) {
        auto ours = own(s);
        auto theirs = dense(s);
        parts.push_back(bench::compare(ours, theirs, table.much()));
        work.push_back(s.products());
    }
    const auto add = [&](ratio_row named, std::size_t first, std::size_t count) {
        const auto s = bench::summarise(std::span{parts}.subspan(first, count), std::span{work}.subspan(first, count));
        named.ratio = s.ratio;
        named.value = s.own_rate / 1e9;
        named.unit = "G dense products/s";
        table.add(std::move(named));
    };
    const std::string name = row.name, against = row.against.value_or("");
    add(std::move(row), 0, parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i)
        add({.name = name + '/' + bench::vit_s_block[i].name(), .against = against}, i, 1);
}

/// What 2:4 and 1:4 by column owe where the dense tile multiplies 16-bit lanes: elsewhere instructions set other limits.
ratio_row by_column_row(std::string name, double at_least, double stretch, std::string limit) {
    ratio_row row{.name = std::move(name), .against = "own dense int8"};
    if (lutra::best_isa() != lutra::isa::avx2 && lutra::best_isa() != lutra::isa::avx512bw) return row;
    row.at_least = at_least;
    row.stretch = stretch;
    *row.against += " (limit " + limit + ')';
    return row;
}

void measure(ratios& table) {
    const auto dense = [](gemm_shape s) { return bench::own_int8{s, lutra::lower(lutra::exact{})}; };
    const auto by_column = [](lutra::n_m p) { return [p](gemm_shape s) { return bench::own_n_m{s, p}; }; };
    const auto shared = [](lutra::n_m p) {
        return [p](gemm_shape s) { return bench::own_shared<std::int8_t>{s, p, outputs}; };
    };
    const std::string half = "own dense int8 (limit 2)", quarter = "own dense int8 (limit 4)";
    add_rows(table, by_column_row("n_m/2_4_per_column", 1.1, 1.25, "1.33"), by_column({2, 4}), dense);
    add_rows(table, by_column_row("n_m/1_4_per_column", 2.1, 2.5, "2.67"), by_column({1, 4}), dense);
    add_rows(table, {.name = "n_m/2_4_shared", .at_least = 1.5, .stretch = 1.8, .against = half}, shared({2, 4}), dense);
    add_rows(table, {.name = "n_m/1_4_shared", .at_least = 2.5, .stretch = 3.2, .against = quarter}, shared({1, 4}), dense);
    add_rows(
        table, {.name = "block/50", .at_least = 1.5, .stretch = 1.8, .against = half},
        [](gemm_shape s) {
            return bench::own_shared<std::int8_t>{s, tile};
        },
        dense);
    add_rows(
        table, {.name = "float/block/50", .at_least = 1.4, .stretch = 1.8, .against = "own dense float (limit 2)"},
        [](gemm_shape s) {
            return bench::own_shared<float>{s, tile};
        },
        [](gemm_shape s) { return bench::own_float{s}; });
    add_rows(
        table, {.name = "low_rank/50", .at_least = 1.5, .stretch = 1.8, .against = half},
        [](gemm_shape s) { return bench::own_thin_int8{s}; }, dense);
}

const bench::room sparse{"gemm_sparse", measure};

} // namespace
