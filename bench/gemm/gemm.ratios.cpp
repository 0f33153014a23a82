// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The gemm room's rows of the table of ratios; docs/gemm.md says what each means.
#include "gemm/multipliers.hpp"
#include "gemm/own.hpp"
#include "gemm/peak.hpp"
#include "gemm/table_loop.hpp"
#include "gemm/vit_s.hpp"
#include "support/ratios.hpp"

#if LUTRA_BENCH_ONEDNN
    #include "gemm/onednn.hpp"
#endif
#if LUTRA_BENCH_OPENBLAS
    #include "gemm/openblas.hpp"
#endif

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace {

using bench::gemm_shape;
using bench::gemm_shapes;
using bench::ratio_row;
using bench::ratios;
using bench::turns;

constexpr double giga = 1e9;

/// Our side and another by turns on each of the shapes.
struct comparison {
    std::vector<turns> parts;
    std::vector<double> work;

    template <class Own, class Other>
    comparison(ratios& table, std::span<const gemm_shape> shapes, Own own, Other other) {
        for (const gemm_shape s : shapes) {
            auto ours = own(s);
            auto theirs = other(s);
            parts.push_back(bench::compare(ours, theirs, table.much()));
            work.push_back(s.products());
        }
    }
    /// Fills the ratio and the value of @p row by the geometric mean over the shapes, or by shape @p only.
    ratio_row row(ratio_row row, std::optional<std::size_t> only = {}) const {
        const std::size_t first = only.value_or(0), count = only ? 1 : parts.size();
        const auto s = bench::summarise(std::span{parts}.subspan(first, count), std::span{work}.subspan(first, count));
        row.ratio = s.ratio;
        row.value = s.own_rate / giga;
        return row;
    }
};

constexpr auto own = [](const lutra::lowered_multiplier& m) { return [m](gemm_shape s) { return bench::own_int8{s, m}; }; };
[[maybe_unused]] constexpr auto own_float = [](gemm_shape s) { return bench::own_float{s}; };

/// The value of a row of which the other side is missing: our rate alone.
template <class Own>
[[maybe_unused]] double rate_alone(ratios& table, Own make) {
    return comparison{table, gemm_shapes, make, make}.row({}).value;
}

#if LUTRA_BENCH_ONEDNN
template <class A>
std::string onednn_name(std::string types) {
    return "oneDNN " + types + (bench::onednn_is_exact<A>({197, 197, 64}) ? " (exact here)" : " (saturates here)");
}
template <class A, class B, class C>
constexpr auto onednn = [](gemm_shape s) { return bench::onednn_product<A, B, C>{s}; };
#endif

void exact_rows(ratios& table) {
    const lutra::lowered_multiplier exact = lutra::lower(lutra::exact{});
#if LUTRA_BENCH_ONEDNN
    const std::string unsigned_name = onednn_name<std::uint8_t>("u8s8s32"),
                      signed_name = onednn_name<std::int8_t>("s8s8s32");
    const comparison u8{table, gemm_shapes, own(exact), onednn<std::uint8_t, std::int8_t, std::int32_t>};
    table.add(u8.row({.name = "int8/exact", .at_least = 0.95, .stretch = 1.05, .against = unsigned_name}));
    for (std::size_t i = 0; i < gemm_shapes.size(); ++i)
        table.add(u8.row({.name = "int8/exact/" + gemm_shapes[i].name(), .against = unsigned_name}, i));
    const comparison s8{table, gemm_shapes, own(exact), onednn<std::int8_t, std::int8_t, std::int32_t>};
    table.add(s8.row({.name = "int8/exact_signed", .against = signed_name}));
#else
    table.add({.name = "int8/exact", .value = rate_alone(table, own(exact)), .at_least = 0.95, .stretch = 1.05});
#endif
    bench::exact_peak peak;
    if (!peak.known()) {
        table.add({.name = "int8/exact_peak", .value = rate_alone(table, own(exact))});
        return;
    }
    // A peak is in products a second, not in seconds a product: scale its time to the shape's work.
    comparison limit{table, gemm_shapes, own(exact), [](gemm_shape) { return bench::exact_peak{}; }};
    for (std::size_t i = 0; i < gemm_shapes.size(); ++i)
        for (double& seconds : limit.parts[i].other) seconds *= gemm_shapes[i].products() / peak.products();
    table.add(limit.row({.name = "int8/exact_peak", .against = std::string{peak.name()} + " on registers"}));
}

void float_rows(ratios& table) {
#if LUTRA_BENCH_ONEDNN
    const comparison f32{table, gemm_shapes, own_float, onednn<float, float, float>};
    table.add(f32.row({.name = "float/gemm", .at_least = 0.90, .stretch = 1.00, .against = "oneDNN f32"}));
    for (std::size_t i = 0; i < gemm_shapes.size(); ++i)
        table.add(f32.row({.name = "float/gemm/" + gemm_shapes[i].name(), .against = "oneDNN f32"}, i));
#else
    table.add({.name = "float/gemm", .value = rate_alone(table, own_float), .at_least = 0.90, .stretch = 1.00});
#endif
#if LUTRA_BENCH_OPENBLAS
    const comparison blas{table, gemm_shapes, own_float, [](gemm_shape s) { return bench::openblas_product{s}; }};
    table.add(blas.row({.name = "float/gemm_blas", .against = "OpenBLAS sgemm"}));
#endif
}

/// Multipliers that are sums of few exact products: rank r may cost r exact products.
void rank_rows(ratios& table) {
    const auto exact = own(lutra::lower(lutra::exact{}));
    const auto row = [&]<class M>(M m, std::string_view name) {
        const auto lowered = lutra::lower(m, lutra::plan_kind::separable);
        const double r = lowered.rank;
        const comparison c{table, gemm_shapes, own(lowered), exact};
        table.add(c.row({.name = std::string{"rank"} + std::to_string(lowered.rank) + '/' + std::string{name},
                         .at_least = r > 1 ? 0.85 / r : 0.90,
                         .stretch = r > 1 ? 0.95 / r : 0.98,
                         .against = "own exact int8"}));
    };
    row(lutra::drum<4>{}, "drum4");
    row(lutra::operand_truncated<2, 2>{}, "operand_truncated");
    row(lutra::roba{}, "roba");
    row(lutra::kulkarni{}, "kulkarni");
    row(lutra::broken_array<0, 4>{}, "broken_array0_4");
}

/// Panics where our sums and those of the loops are not the same: then it would be no use to compare their speeds.
template <lutra::multiplier M>
void require_same_sums(gemm_shape s, lutra::plan_kind plan) {
    bench::own_int8 ours{s, lutra::lower(M{}, plan)};
    ours();
    const auto equal = [&](auto loop) {
        loop();
        return std::ranges::equal(ours.result(), loop.result());
    };
    bool same =
        equal(bench::table_loop{s, bench::products16_of<M>()}) && equal(bench::table_row_loop{s, bench::products16_of<M>()});
#if defined(__x86_64__)
    if (lutra::has_isa(lutra::isa::avx2)) same = same && equal(bench::gather_loop{s, bench::products16_of<M>()});
#endif
    lutra::require(same, lutra::panic_code::bad_argument, "a loop over the table gives other sums than gemm");
}

/// Arbitrary tables, on one layer.
template <lutra::multiplier M>
void table_row(ratios& table, const std::string& name, lutra::plan_kind plan, double at_least, double stretch) {
    require_same_sums<M>({50, 70, 90}, plan);
    const std::span<const gemm_shape> layer{&bench::layer_shape, 1};
    const auto ours = own(lutra::lower(M{}, plan));
    const comparison c{table, layer, ours, [](gemm_shape s) { return bench::table_loop{s, bench::products16_of<M>()}; }};
    table.add(c.row({.name = name, .at_least = at_least, .stretch = stretch, .against = "scalar table loop"}));
    const comparison rows{table, layer, ours, [](gemm_shape s) {
                              return bench::table_row_loop{s, bench::products16_of<M>()};
                          }};
    table.add(rows.row({.name = name + "_by_rows", .against = "scalar table loop, a table row at a time"}));
}

void vit_row(ratios& table) {
    using M = lutra::drum<4>;
    bench::vit_s_linears<bench::own_int8> ours{lutra::lower(M{})};
    bench::vit_s_linears<bench::table_loop> loop{bench::products16_of<M>()};
    const turns t = bench::compare(ours, loop, table.much());
    // 0.025 s and 0.020 s, on the machine where the loop takes 2.55 s
    table.add({.name = "vit_s/linears",
               .ratio = bench::median(t.ratios()),
               .value = bench::median(t.own),
               .unit = "s/image",
               .higher_is_better = false,
               .at_least = 2.55 / 0.025,
               .stretch = 2.55 / 0.020,
               .against = "scalar table loop"});
}

const bench::room gemm{"gemm", [](ratios& table) {
                           exact_rows(table);
                           float_rows(table);
                           rank_rows(table);
                           table_row<lutra::mitchell>(table, "table/full", lutra::plan_kind::table, 12, 18);
                           table_row<bench::small_error>(table, "table/error8", lutra::plan_kind::error_plane, 20, 30);
                           vit_row(table);
                       }};

} // namespace
