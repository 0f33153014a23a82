// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tiles around VPDPBUSD on machines that lack it or VPERMB: everything of them but these instructions, which functions
// take the place of. A namespace of its own keeps these tiles apart from the real ones.
#undef LUTRA_USE_COMPILED // lutra::compiled has no such namespace
#include <lutra/core/config.hpp>
#if LUTRA_RUNTIME_DISPATCH
    #undef LUTRA_ISA
    #define LUTRA_ISA isa_emulated
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace {
template <std::size_t Bytes>
struct parts {
    std::int32_t sum[Bytes / 4];
    std::uint8_t u[Bytes];
    std::int8_t s[Bytes];

    void add_products() {
        for (std::size_t i = 0; i < Bytes; ++i)
            sum[i / 4] =
                static_cast<std::int32_t>(static_cast<std::uint32_t>(sum[i / 4]) + static_cast<std::uint32_t>(u[i] * s[i]));
    }
};
[[gnu::noinline, gnu::target("avx512f")]] __m512i dot_512(__m512i sum, __m512i u, __m512i s) {
    parts<64> p;
    _mm512_storeu_si512(p.sum, sum);
    _mm512_storeu_si512(p.u, u);
    _mm512_storeu_si512(p.s, s);
    p.add_products();
    return _mm512_loadu_si512(p.sum);
}
[[gnu::noinline, gnu::target("avx2")]] __m256i dot_256(__m256i sum, __m256i u, __m256i s) {
    parts<32> p;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p.sum), sum);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p.u), u);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p.s), s);
    p.add_products();
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p.sum));
}
[[gnu::noinline, gnu::target("avx512f")]] __m512i permute_512(__m512i old, __mmask64 which, __m512i index, __m512i bytes) {
    std::uint8_t to[64], from[64], at[64];
    _mm512_storeu_si512(to, old);
    _mm512_storeu_si512(from, bytes);
    _mm512_storeu_si512(at, index);
    for (std::size_t i = 0; i < 64; ++i)
        if ((which >> i & 1) != 0) to[i] = from[at[i] % 64];
    return _mm512_loadu_si512(to);
}
} // namespace
    #define _mm512_dpbusd_epi32 dot_512
    #define _mm512_mask_permutexvar_epi8 permute_512
    #define _mm256_dpbusd_avx_epi32 dot_256

    #include <lutra/core/arena_memory.hpp>
    #include <lutra/core/random.hpp>
    #include <lutra/gemm/detail/int8_tiles.hpp>
    #include <lutra/gemm/detail/panel_gemm.hpp>
    #include <lutra/gemm/reference.hpp>

    #include "plans.hpp"
    #include "sparse.hpp"
    #include "support/catch.hpp"

    #include <algorithm>

namespace {

/// A product by a tile, the activations mapped by @p instructions. Nothing where the weights lose what it cannot add.
template <class Tile>
std::vector<std::int32_t> product(const lutra::lowered_multiplier& m, lutra::matrix_view<const std::int8_t> a,
                                  lutra::matrix_view<const std::int8_t> b, lutra::isa instructions) {
    const lutra::kernel::panel_layout<Tile> layout{m, b.rows(), b.cols()};
    const lutra::arena_memory packed{layout.bytes()};
    if constexpr (lutra::kernel::picks_weights<Tile>) {
        if (layout.weights_may_lose && !layout.lost(packed.bytes().data()).pack(b, m)) return {};
    } else if (lutra::kernel::loses_weights(m) && lutra::kernel::holds_lowest(b)) {
        return {};
    }
    lutra::kernel::pack_panels<Tile>(b, m, instructions, packed.bytes().data());
    lutra::arena need = lutra::arena::counting();
    lutra::kernel::take_panel_scratch<Tile>(m, a.rows(), a.cols(), need);
    const lutra::arena_memory memory{need.used()};
    lutra::arena scratch{memory.bytes()};
    std::vector<std::int32_t> c(a.rows() * b.cols());
    const auto use = [&](std::size_t row, std::size_t first, std::span<const std::int32_t> sums) {
        for (std::size_t j = 0; j < sums.size(); ++j) c.at(row * b.cols() + first + j) += sums[j];
    };
    lutra::kernel::panel_gemm<Tile>(m, a, {packed.bytes().data(), b.rows(), b.cols(), instructions}, scratch,
                                    lutra::detail::sum_sink{use});
    return c;
}

template <class Tile>
void check_tile(lutra::isa instructions) {
    lutra::random_generator random{5};
    for (const auto& m : made_plans()) {
        if (m.factors == lutra::factor_width::bits16) continue; // pack_b gives these to tiles of 16-bit lanes
        std::size_t with_lowest = 0;
        for (std::size_t rows = 1; rows < 30; ++rows) {
            const std::size_t k = rows * 11 % 83, n = 1 + rows * 7 % 50;
            std::vector<std::int8_t> a(rows * k + 1), b(k * n + 1);
            for (auto& x : a) x = static_cast<std::int8_t>(rows % 4 == 0 ? -128 : random.between(-128, 127));
            for (auto& x : b) x = static_cast<std::int8_t>(rows % 3 == 0 ? -127 : random.between(-128, 127));
            const lutra::matrix_view<const std::int8_t> x{a.data(), rows, k}, y{b.data(), k, n};
            const auto sums = product<Tile>(m, x, y, instructions);
            if (sums.empty() && std::count(b.begin(), b.end() - 1, -128) != 0) continue;
            with_lowest += std::count(b.begin(), b.end() - 1, -128) != 0;
            std::vector<std::int32_t> expected(rows * n);
            lutra::gemm_reference(m, x, y, lutra::matrix_view{expected.data(), rows, n});
            INFO(m.name << ' ' << rows << 'x' << k << 'x' << n);
            CHECK(sums == expected);
        }
        const bool beyond = m.name == "far weight at -128" || m.name == "a weight like that of -128";
        const bool mends = !lutra::kernel::loses_weights(m) || (lutra::kernel::picks_weights<Tile> && !beyond);
        CHECK((with_lowest > 10) == mends);
    }
}

/// Columns that share rows, by the tile of 8-bit lanes of an instruction set.
void check_shared(lutra::isa instructions) {
    byte_source source{lutra::random_generator{6}};
    for (const auto& m : made_plans())
        for (std::size_t rows = 1; rows < 28; ++rows) {
            const std::size_t k = rows * 11 % 70, n = 1 + rows * 7 % 50;
            const test_operand<std::int8_t> a{rows, k, layouts[rows % 4], [&] { return source(); }};
            const test_operand<std::int8_t> b{k, n, layouts[rows / 4 % 4], [&] { return source(); }};
            const test_mask mask = random_shared(k, n, 12, 0.5, rows);
            const lutra::kernel::rows_of_mask keeps{mask, 12};
            const lutra::arena_memory packed{lutra::packed_shared_bytes(mask, 12, m, instructions)};
            const auto right = lutra::kernel::pack_shared_by(b, keeps, 12, m, packed.bytes(), instructions);
            INFO(m.name << ' ' << rows << 'x' << k << 'x' << n);
            CHECK(sparse_product(a, right, lutra::shared_gemm_scratch_bytes(m, rows, k, instructions)) ==
                  masked_product(m, a, b, mask));
        }
}

/// Columns that pick their own rows, likewise.
void check_n_m(lutra::isa instructions) {
    byte_source source{lutra::random_generator{7}};
    for (const auto& m : made_plans())
        for (const lutra::n_m pattern : {lutra::n_m{2, 4}, lutra::n_m{1, 4}, lutra::n_m{3, 5}, lutra::n_m{5, 16}})
            for (std::size_t rows = 1; rows < 28; ++rows) {
                const std::size_t k = rows * 11 % 70, n = 1 + rows * 7 % 50;
                const test_operand<std::int8_t> a{rows, k, layouts[rows % 4], [&] { return source(); }};
                const test_operand<std::int8_t> b{k, n, layouts[rows / 4 % 4], [&] { return source(); }};
                const test_mask mask = random_n_m(k, n, pattern, rows);
                const lutra::arena_memory packed{lutra::packed_n_m_bytes(m, pattern, k, n, instructions)};
                const auto right = lutra::kernel::pack_n_m_for(b, mask, pattern, m, packed.bytes(), instructions);
                INFO(m.name << ' ' << rows << 'x' << k << 'x' << n);
                CHECK(sparse_product(a, right, lutra::n_m_gemm_scratch_bytes(m, rows, k, instructions)) ==
                      masked_product(m, a, b, mask));
            }
}

} // namespace

TEST_CASE("the 512-bit tile of byte dot products") {
    if (lutra::has_isa(lutra::isa::avx512bw)) {
        check_tile<lutra::kernel::int8_avx512vnni>(lutra::isa::avx512bw);
        check_tile<lutra::kernel::int8_avx512vbmi>(lutra::isa::avx512bw);
        check_shared(lutra::isa::avx512vnni);
        check_n_m(lutra::isa::avx512vnni);
    }
    SUCCEED();
}
TEST_CASE("the 256-bit tile of byte dot products") {
    if (lutra::has_isa(lutra::isa::avx2)) {
        check_tile<lutra::kernel::int8_avx_vnni>(lutra::isa::avx2);
        check_shared(lutra::isa::avx_vnni);
        check_n_m(lutra::isa::avx_vnni);
    }
    SUCCEED();
}
#endif
