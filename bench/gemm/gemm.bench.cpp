// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products a second (CPU time, one thread): int8 under several multipliers and on each instruction set, float, and the
// libraries and loops that they are compared with. B is packed outside the timed loop on both sides, as the weights of a
// network are; A is not.
#include "gemm/multipliers.hpp"
#include "gemm/own.hpp"
#include "gemm/shapes.hpp"
#include "gemm/table_loop.hpp"

#if LUTRA_BENCH_ONEDNN
    #include "gemm/onednn.hpp"
#endif
#if LUTRA_BENCH_OPENBLAS
    #include "gemm/openblas.hpp"
#endif

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>

namespace {

using bench::gemm_shape;
using lutra::isa;

/// Registers `name` for every shape; `make(shape)` yields something to call once a product.
template <class Make>
void enrol(const std::string& name, Make make) {
    auto* b = benchmark::RegisterBenchmark(name.c_str(), [make](benchmark::State& state) {
        const gemm_shape s{static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)),
                           static_cast<std::size_t>(state.range(2))};
        auto product = make(s);
        for (auto _ : state) {
            product();
            benchmark::ClobberMemory();
        }
        state.counters["products_per_second"] =
            benchmark::Counter(s.products(), benchmark::Counter::kIsIterationInvariantRate);
    });
    b->ArgNames({"M", "N", "K"})->Unit(benchmark::kMicrosecond);
    for (const gemm_shape s : bench::gemm_shapes)
        b->Args({static_cast<std::int64_t>(s.m), static_cast<std::int64_t>(s.n), static_cast<std::int64_t>(s.k)});
}

#if LUTRA_BENCH_ONEDNN
template <class A, class B, class C>
void enrol_onednn(const std::string& name) {
    enrol("onednn/" + name, [](gemm_shape s) { return bench::onednn_product<A, B, C>{s}; });
}
template <class A>
const char* exactness() {
    return bench::onednn_is_exact<A>({197, 197, 64}) ? "exact" : "saturates";
}
#endif

[[maybe_unused]] const bool registered = [] {
    for (const auto& [name, m] :
         {std::pair{"exact", lutra::lower(lutra::exact{})}, std::pair{"drum4", lutra::lower(lutra::drum<4>{})},
          std::pair{"roba", lutra::lower(lutra::roba{})}, std::pair{"kulkarni", lutra::lower(lutra::kulkarni{})},
          std::pair{"mitchell", lutra::lower(lutra::mitchell{})},
          std::pair{"small_error", lutra::lower(bench::small_error{})}})
        for (const isa set : lutra::all_isas) {
            if (!lutra::has_isa(set)) continue;
            enrol(std::string{"int8/"} + name + '/' + std::string{to_string(set)}, [m, set](gemm_shape s) {
                return bench::own_int8{s, m, set};
            });
        }
    enrol("float", [](gemm_shape s) { return bench::own_float{s}; });

    const std::int16_t* products = bench::products16_of<lutra::mitchell>();
    enrol("table_loop", [products](gemm_shape s) { return bench::table_loop{s, products}; });
    enrol("table_row_loop", [products](gemm_shape s) { return bench::table_row_loop{s, products}; });
#if defined(__x86_64__)
    if (lutra::has_isa(isa::avx2))
        enrol("gather_loop", [products](gemm_shape s) { return bench::gather_loop{s, products}; });
#endif
#if LUTRA_BENCH_ONEDNN
    enrol_onednn<std::uint8_t, std::int8_t, std::int32_t>("u8s8s32");
    enrol_onednn<std::int8_t, std::int8_t, std::int32_t>("s8s8s32");
    enrol_onednn<float, float, float>("f32");
    benchmark::AddCustomContext("onednn_u8s8s32", exactness<std::uint8_t>());
    benchmark::AddCustomContext("onednn_s8s8s32", exactness<std::int8_t>());
#endif
#if LUTRA_BENCH_OPENBLAS
    enrol("openblas/f32", [](gemm_shape s) { return bench::openblas_product{s}; });
#endif
    return true;
}();

} // namespace
