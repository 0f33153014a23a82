// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products a second (CPU time, one thread) of the shapes of a ViT-S: exact int8, a table, the plain table loop that
// emulators use, and float. B is packed outside the timed loop, as the weights of a network are.
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/gemm.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/mitchell.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using lutra::isa;
using lutra::matrix_view;

struct shape {
    std::size_t m, n, k;

    explicit shape(const benchmark::State& state)
        : m{static_cast<std::size_t>(state.range(0))}, n{static_cast<std::size_t>(state.range(1))},
          k{static_cast<std::size_t>(state.range(2))} {}
    void count(benchmark::State& state) const {
        state.counters["products_per_second"] = benchmark::Counter(
            static_cast<double>(m * n * k), benchmark::Counter::kIsIterationInvariantRate);
    }
};

std::vector<std::int8_t> random_bytes(std::size_t count) {
    lutra::random_generator random{count};
    std::vector<std::int8_t> bytes(count);
    for (std::int8_t& x : bytes) x = static_cast<std::int8_t>(random.between(-127, 127));
    return bytes;
}

void int8_product(benchmark::State& state, const lutra::lowered_multiplier& multiplier, isa instructions) {
    const shape s{state};
    const auto a = random_bytes(s.m * s.k), b = random_bytes(s.k * s.n);
    std::vector<std::int32_t> c(s.m * s.n);
    const lutra::arena_memory packed{lutra::packed_b_bytes(multiplier, s.k, s.n)};
    const lutra::arena_memory memory{lutra::int8_gemm_scratch_bytes(multiplier, s.m, s.k, s.n)};
    lutra::arena scratch{memory.bytes()};
    const auto ready = lutra::pack_b(matrix_view{b.data(), s.k, s.n}, multiplier, packed.bytes());
    for (auto _ : state) {
        lutra::gemm(matrix_view{a.data(), s.m, s.k}, ready, scratch,
                    lutra::store_sums{matrix_view{c.data(), s.m, s.n}}, instructions);
        benchmark::DoNotOptimize(c.data());
        benchmark::ClobberMemory();
    }
    s.count(state);
}

/// The emulator's loop: a load from a 64 Ki-entry table for each product.
void table_loop(benchmark::State& state) {
    const shape s{state};
    const auto a = random_bytes(s.m * s.k), b = random_bytes(s.k * s.n);
    std::vector<std::int32_t> c(s.m * s.n);
    const std::int16_t* table = lutra::lower(lutra::mitchell{}).products16;
    for (auto _ : state) {
        for (std::size_t i = 0; i < s.m; ++i)
            for (std::size_t j = 0; j < s.n; ++j) {
                std::int32_t sum = 0;
                for (std::size_t l = 0; l < s.k; ++l)
                    sum += table[std::size_t{static_cast<std::uint8_t>(a[i * s.k + l])} << 8 |
                                 static_cast<std::uint8_t>(b[j * s.k + l])]; // B by columns, the better order
                c[i * s.n + j] = sum;
            }
        benchmark::DoNotOptimize(c.data());
        benchmark::ClobberMemory();
    }
    s.count(state);
}

void float_product(benchmark::State& state) {
    const shape s{state};
    const std::vector<float> a(s.m * s.k, 1.5f), b(s.k * s.n, 0.25f);
    std::vector<float> c(s.m * s.n), memory(lutra::packed_b_floats(s.k, s.n));
    const auto ready = lutra::pack_b(matrix_view{b.data(), s.k, s.n}, memory);
    for (auto _ : state) {
        lutra::gemm(matrix_view{a.data(), s.m, s.k}, ready, matrix_view{c.data(), s.m, s.n});
        benchmark::DoNotOptimize(c.data());
        benchmark::ClobberMemory();
    }
    s.count(state);
}

/// M x N x K: the layers and attention products of a ViT-S/16 image, and two cubes.
void shapes(benchmark::internal::Benchmark* b) {
    b->ArgNames({"M", "N", "K"})->Unit(benchmark::kMicrosecond);
    b->Args({197, 1536, 384})->Args({197, 384, 1536})->Args({197, 384, 384})->Args({197, 197, 64})->Args({197, 64, 197});
    b->Args({512, 512, 512})->Args({1024, 1024, 1024});
}

[[maybe_unused]] const bool registered = [] {
    const auto int8 = [](const std::string& name, const lutra::lowered_multiplier& m, isa i) {
        shapes(benchmark::RegisterBenchmark((name + '/' + std::string{to_string(i)}).c_str(),
                                            [m, i](benchmark::State& state) { int8_product(state, m, i); }));
    };
    for (const isa i : {isa::scalar, isa::avx2, isa::avx512bw}) {
        if (!lutra::has_isa(i)) continue;
        int8("int8_exact", lutra::lower(lutra::exact{}), i);
        int8("int8_table", lutra::lower(lutra::mitchell{}), i);
    }
    shapes(benchmark::RegisterBenchmark("table_loop", table_loop));
    shapes(benchmark::RegisterBenchmark("float", float_product));
    return true;
}();

} // namespace
