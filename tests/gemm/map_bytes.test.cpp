// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/map_bytes.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using bytes = std::vector<std::int8_t>;

bytes random_bytes(std::size_t count, std::uint64_t seed) {
    lutra::random_generator random{seed};
    bytes b(count);
    for (auto& x : b) x = static_cast<std::int8_t>(random.between(-128, 127));
    return b;
}
/// A table of 256 different values: whatever entry is taken for another one is seen.
bytes permutation() {
    bytes table(256);
    for (std::size_t i = 0; i < 256; ++i) table[i] = static_cast<std::int8_t>(static_cast<std::uint8_t>(i * 167 + 13));
    return table;
}
std::int8_t looked_up(const bytes& table, std::int8_t x) { return table[static_cast<std::uint8_t>(x)]; }

std::vector<lutra::isa> instruction_sets() {
    std::vector<lutra::isa> all;
    for (const lutra::isa i : lutra::all_isas)
        if (lutra::has_isa(i)) all.push_back(i);
    return all;
}

} // namespace

TEST_CASE("every byte is mapped, whatever its place and the length, and nothing else is touched") {
    const bytes table = permutation(), source = random_bytes(1500, 1);
    for (const lutra::isa i : instruction_sets()) {
        std::size_t wrong = 0;
        for (std::size_t n = 0; n <= 1224; n += n == 200 ? 824 : 1) // AVX2 builds its parts for 1024 bytes and more
            for (std::size_t offset = 0; offset < 66; offset += n % 8 == 0 ? 1 : 13) {
                // exactly their size: AddressSanitizer sees an access past the end
                const bytes in(source.begin() + static_cast<std::ptrdiff_t>(n % 90),
                               source.begin() + static_cast<std::ptrdiff_t>(n % 90 + offset + n));
                bytes out(offset + n, 99), same = in;
                lutra::kernel::map_bytes_for(i)(table.data(), {in.data() + offset, 0, out.data() + offset, 0, 1, n});
                lutra::kernel::map_bytes_for(i)(table.data(), {same.data() + offset, 0, same.data() + offset, 0, 1, n});
                for (std::size_t j = 0; j < offset; ++j) wrong += out[j] != 99 || same[j] != in[j];
                for (std::size_t j = offset; j < offset + n; ++j)
                    wrong += out[j] != looked_up(table, in[j]) || same[j] != out[j];
            }
        CHECK(wrong == 0);
    }
}

TEST_CASE("every entry is found at every place of a register") {
    const bytes table = permutation();
    for (const lutra::isa i : instruction_sets()) {
        std::size_t wrong = 0;
        for (std::size_t first = 0; first < 256; ++first) {
            bytes in(1024), out(1024);
            for (std::size_t j = 0; j < 1024; ++j)
                in[j] = static_cast<std::int8_t>(static_cast<std::uint8_t>(first + 37 * j));
            lutra::kernel::map_bytes_for(i)(table.data(), {in.data(), 0, out.data(), 0, 1, 1024});
            for (std::size_t j = 0; j < 1024; ++j) wrong += out[j] != looked_up(table, in[j]);
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("rows are mapped with what lies between them left alone") {
    constexpr std::size_t rows = 5, in_stride = 90, out_stride = 83;
    const bytes table = random_bytes(256, 2), in = random_bytes(rows * in_stride, 3);
    for (const lutra::isa i : instruction_sets())
        for (const std::size_t cols : {0u, 1u, 31u, 64u, 79u}) {
            bytes out(rows * out_stride, 99);
            lutra::kernel::map_bytes_for(i)(table.data(), {in.data(), in_stride, out.data(), out_stride, rows, cols});
            std::size_t wrong = 0;
            for (std::size_t r = 0; r < rows; ++r)
                for (std::size_t j = 0; j < out_stride; ++j)
                    wrong += out[r * out_stride + j] != (j < cols ? looked_up(table, in[r * in_stride + j]) : 99);
            CHECK(wrong == 0);
        }
}

TEST_CASE("map_bytes is a constant expression, and checks its lengths") {
    constexpr auto mapped = [] {
        std::array<std::int8_t, 256> table{};
        for (std::size_t i = 0; i < 256; ++i) table[i] = static_cast<std::int8_t>(static_cast<std::uint8_t>(255 - i));
        std::array<std::int8_t, 3> x{0, 127, -128};
        lutra::map_bytes(x, table, x);
        return x;
    }();
    static_assert(mapped == std::array<std::int8_t, 3>{-1, -128, 127});

    const bytes table = permutation(), in = random_bytes(100, 4);
    bytes out(100);
    lutra::map_bytes(in, table, out);
    for (std::size_t j = 0; j < in.size(); ++j) CHECK(out[j] == looked_up(table, in[j]));
    lutra::map_bytes({}, table, {});
    REQUIRE_PANIC(lutra::map_bytes(in, std::span{table}.first(255), out), bad_shape);
    REQUIRE_PANIC(lutra::map_bytes(in, table, std::span{out}.first(99)), bad_shape);
}

TEST_CASE("requantize_sums maps a block as it maps its rows") {
    constexpr std::size_t rows = 3, cols = 70, stride = 77;
    const bytes table = permutation();
    lutra::random_generator random{5};
    std::vector<std::int32_t> sums(rows * cols);
    for (auto& x : sums) x = static_cast<std::int32_t>(random.between(-200000, 200000));
    const std::vector<lutra::requantizer> by(cols, lutra::requantizer::from_ratio(0.001));
    bytes out(rows * stride, 99);
    lutra::requantize_sums{{out.data(), rows, cols, stride}, by, {}, table}.block(0, 0, {sums.data(), rows, cols});
    std::size_t wrong = 0;
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t j = 0; j < stride && r * stride + j < out.size(); ++j)
            wrong += out[r * stride + j] !=
                     (j < cols ? looked_up(table, lutra::requantize(sums[r * cols + j], by[j])) : std::int8_t{99});
    CHECK(wrong == 0);
}
