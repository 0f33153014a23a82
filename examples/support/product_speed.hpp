// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/int8_gemm.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

/// Products a second under @p m on one thread, in CPU time: the median of seven runs over a layer of a ViT-S, 197 tokens of
/// 384 activations by 1,536 outputs, random operands.
inline double products_per_second(const lutra::lowered_multiplier& m) {
    constexpr std::size_t rows = 197, k = 384, n = 1536;
    std::vector<std::int8_t> a(rows * k), b(k * n);
    std::vector<std::int32_t> c(rows * n);
    lutra::random_generator random{1};
    for (auto* operand : {&a, &b})
        for (std::int8_t& x : *operand) x = static_cast<std::int8_t>(random.between(-127, 127));
    const lutra::arena_memory packed{lutra::packed_b_bytes(m, k, n)};
    const lutra::arena_memory memory{lutra::int8_gemm_scratch_bytes(m, rows, k, n)};
    lutra::arena scratch{memory.bytes()};
    const auto ready = lutra::pack_b(lutra::matrix_view{b.data(), k, n}, m, packed.bytes());
    const auto run = [&] {
        lutra::gemm(lutra::matrix_view{a.data(), rows, k}, ready, scratch,
                    lutra::store_sums{lutra::matrix_view{c.data(), rows, n}});
    };
    run(); // the first touches the memory
    std::array<double, 7> rates;
    for (double& rate : rates) {
        std::size_t runs = 0;
        const std::clock_t begin = std::clock();
        std::clock_t spent = 0;
        do {
            run();
            ++runs;
            spent = std::clock() - begin;
        } while (spent < CLOCKS_PER_SEC / 50);
        rate = static_cast<double>(runs * rows * k * n) * CLOCKS_PER_SEC / static_cast<double>(spent);
    }
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
}
