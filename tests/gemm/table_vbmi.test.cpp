// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The look-ups by VPERMI2B on machines that lack the instruction: everything of them but the instruction itself, which a
// function takes the place of. A namespace of its own keeps these kernels apart from the real ones.
#undef LUTRA_USE_COMPILED // lutra::compiled has no such namespace
#include <lutra/core/config.hpp>
#if LUTRA_RUNTIME_DISPATCH
    #undef LUTRA_ISA
    #define LUTRA_ISA isa_emulated
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace {
/// Bytes of a (index bit 6 clear) or b at the index where @p mask has ones, else the index.
[[gnu::noinline, gnu::target("avx512f,avx512bw")]] __m512i permute_bytes(__m512i a, __m512i index, std::uint64_t mask,
                                                                         __m512i b) {
    std::uint8_t from[128], at[64];
    _mm512_storeu_si512(from, a);
    _mm512_storeu_si512(from + 64, b);
    _mm512_storeu_si512(at, index);
    for (std::size_t i = 0; i < 64; ++i)
        if ((mask >> i & 1) != 0) at[i] = from[at[i] & 127];
    return _mm512_loadu_si512(at);
}
} // namespace
    #define _mm512_permutex2var_epi8(a, index, b) permute_bytes(a, index, ~std::uint64_t{0}, b)
    #define _mm512_mask2_permutex2var_epi8 permute_bytes

    #include <lutra/gemm/arch/map_bytes.hpp>
    #include <lutra/gemm/detail/table_gemm.hpp>

    #include "operands.hpp"
    #include "support/catch.hpp"

    #include <limits>
    #include <vector>

namespace {

using lutra::kernel::table_plan;

/// Any entries, all the lowest, all the highest, and the extremes of both bytes in turns.
template <class Entry>
std::vector<std::vector<Entry>> tables() {
    using limits = std::numeric_limits<Entry>;
    constexpr int some[]{limits::min(), limits::max(), -1, 0, 127, -128, limits::max() - 255, limits::min() + 255};
    lutra::random_generator random{sizeof(Entry)};
    std::vector<std::vector<Entry>> all(4, std::vector<Entry>(65536));
    for (std::size_t i = 0; i < 65536; ++i) {
        all[0][i] = static_cast<Entry>(random.between(limits::min(), limits::max()));
        all[1][i] = limits::min();
        all[2][i] = limits::max();
        all[3][i] = static_cast<Entry>(some[random.below(8)]);
    }
    return all;
}

/// A product by the plan equals the plain loop.
template <class Entry>
void check(const std::vector<Entry>& table, std::size_t rows, std::size_t k, std::size_t n, layout how,
           table_plan plan = table_plan::permute) {
    byte_source source{lutra::random_generator{rows + k * 1000 + n}};
    if (k % 3 == 2) source.kind = byte_source::extremes;
    if (k % 7 == 6) source.kind = byte_source::only_lowest;
    const test_operand<std::int8_t> stored{rows, k, how, [&] { return source(); }};
    const lutra::gemm_operand<std::int8_t> a = stored;
    const std::size_t padded = lutra::detail::round_up(n, lutra::kernel::table_padding);
    std::vector<std::uint8_t> weights(k * padded);
    for (auto& w : weights) w = static_cast<std::uint8_t>(source());

    std::vector<std::int32_t> expected(rows * n), sums(rows * n, bad_count);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t p = 0; p < k; ++p)
            for (std::size_t j = 0; j < n; ++j)
                expected[i * n + j] +=
                    table[std::size_t{static_cast<std::uint8_t>(a(i, p))} * 256 + weights[p * padded + j]];

    const auto isa = lutra::isa::avx512vbmi;
    const lutra::arena_memory memory{lutra::kernel::table_plan_bytes<Entry>(plan, rows, k, n)};
    lutra::arena scratch{memory.bytes()};
    const Entry* none = nullptr;
    const auto use = [&](std::size_t row, std::size_t from, std::span<const std::int32_t> piece) {
        for (std::size_t j = 0; j < piece.size(); ++j) {
            std::int32_t& sum = sums.at(row * n + from + j);
            sum = sum == bad_count ? piece[j] : bad_count - 1;
        }
    };
    lutra::kernel::table_gemm_by(plan, table.data(), none, a, weights.data(), padded, k, n, scratch, isa, use);
    INFO(rows << 'x' << k << 'x' << n << " layout " << static_cast<int>(how) << " entry " << sizeof(Entry));
    const bool same = sums == expected;
    CHECK(same);
}

} // namespace

TEST_CASE("bytes mapped by byte permutes equal the plain loop") {
    if (!lutra::has_isa(lutra::isa::avx512bw)) return;
    lutra::random_generator random{1};
    std::vector<std::int8_t> table(256), in(200);
    for (auto* bytes : {&table, &in})
        for (auto& x : *bytes) x = static_cast<std::int8_t>(random.between(-128, 127));
    for (std::size_t n = 0; n <= in.size(); ++n) {
        std::vector<std::int8_t> out(n + 1, 99);
        lutra::kernel::map_bytes_vbmi::run(table.data(), {in.data(), 0, out.data(), 0, 1, n});
        std::size_t wrong = out[n] != 99;
        for (std::size_t j = 0; j < n; ++j) wrong += out[j] != table[static_cast<std::uint8_t>(in[j])];
        CHECK(wrong == 0);
    }
}

TEMPLATE_TEST_CASE("look-ups by byte permutes equal the plain loop", "", std::int8_t, std::int16_t) {
    if (!lutra::has_isa(lutra::isa::avx512bw)) return;
    std::size_t count = 0;
    for (const auto& table : tables<TestType>()) {
        for (const std::size_t n : {1u, 31u, 63u, 64u, 65u, 128u, 129u, 192u, 193u, 256u, 257u, 449u})
            check(table, 2, 1 + n % 17, n, layouts[count++ % 4]);
        for (const std::size_t k : {0u, 1u, 2u, 255u, 256u, 257u, 258u, 512u, 524u}) // 256 terms fill the sums
            check(table, 2, k, 70, layouts[count++ % 4]);
        check(table, 3, 300, 0, layout::dense);
    }
}

// Each activation with each weight, once.
TEMPLATE_TEST_CASE("byte permutes find every entry", "", std::int8_t, std::int16_t) {
    if (!lutra::has_isa(lutra::isa::avx512bw)) return;
    const auto table = tables<TestType>()[0];
    std::vector<std::uint8_t> weights(256);
    std::vector<std::int8_t> a(256);
    for (std::size_t i = 0; i < 256; ++i) {
        weights[i] = static_cast<std::uint8_t>(i);
        a[i] = static_cast<std::int8_t>(i);
    }
    const lutra::arena_memory memory{4096};
    lutra::arena scratch{memory.bytes()};
    std::size_t same = 0;
    const auto use = [&](std::size_t row, std::size_t from, std::span<const std::int32_t> piece) {
        for (std::size_t j = 0; j < piece.size(); ++j) same += piece[j] == table[row * 256 + from + j];
    };
    const lutra::gemm_operand<std::int8_t> operand{lutra::matrix_view<const std::int8_t>{a.data(), 256, 1}};
    lutra::kernel::table_gemm_by(table_plan::permute, table.data(), static_cast<const TestType*>(nullptr), operand,
                                 weights.data(), 256, 1, 256, scratch, lutra::isa::avx512vbmi, use);
    CHECK(same == 65536);
}

TEMPLATE_TEST_CASE("rows behind the last block are looked up by byte permutes", "", std::int8_t, std::int16_t) {
    if (!lutra::has_isa(lutra::isa::avx512bw)) return;
    const std::size_t block = 64 / sizeof(TestType);
    const auto table = tables<TestType>()[0];
    REQUIRE(lutra::kernel::choose_table_plan<TestType>(3, 65, false, lutra::isa::avx512vbmi) == table_plan::permute);
    check(table, block + 3, 5, 65, layout::strided, table_plan::lane_rows);
}
#endif
