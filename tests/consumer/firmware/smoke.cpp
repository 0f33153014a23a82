// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A small int8 matrix product under several multipliers, requantised: integers only. The same source is built for the
// host and for a Cortex-M, and the two must print the same text.

#include "board.hpp"

#include <lutra/core.hpp>
#include <lutra/gemm/reference.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/lowered_constant.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/numeric/requantize.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

constexpr std::size_t rows = 17, inner = 33, cols = 9;

void fill(std::span<std::int8_t> out, std::uint64_t seed) {
    lutra::random_generator random{seed};
    for (auto& x : out) x = static_cast<std::int8_t>(random.between(-128, 127));
}

/// FNV-1a over the bytes of the values, least significant first.
template <class T>
std::uint32_t checksum(std::span<const T> values) {
    std::uint32_t hash = 2166136261u;
    for (const T value : values)
        for (std::size_t byte = 0; byte < sizeof(T); ++byte)
            hash = (hash ^ (static_cast<std::uint32_t>(value) >> (8 * byte) & 0xffu)) * 16777619u;
    return hash;
}

void report(const lutra::lowered_multiplier& multiplier) {
    static std::array<std::int8_t, rows * inner> left;
    static std::array<std::int8_t, inner * cols> right;
    static std::array<std::int32_t, rows * cols> sums;
    static std::array<std::int8_t, rows * cols> quantised;
    fill(left, 1);
    fill(right, 2);
    const lutra::matrix_view<const std::int8_t> a{left.data(), rows, inner}, b{right.data(), inner, cols};
    lutra::gemm_reference(multiplier, a, b, lutra::matrix_view<std::int32_t>{sums.data(), rows, cols});
    // A literal requantizer: making one from a ratio is double arithmetic, which belongs to the host.
    lutra::requantize<std::int8_t>(sums, lutra::requantizer{.multiplier = 1518500250, .shift = 40}, quantised);
    board::print((lutra::text<96>{} << multiplier.name << " " << checksum<std::int32_t>(sums) << " "
                                    << checksum<std::int8_t>(quantised))
                     .view());
    board::print("\n");
}

} // namespace

int main() {
    report(lutra::lowered_v<lutra::exact>);
    report(lutra::lowered_v<lutra::drum<4>>);
    report(lutra::lowered_v<lutra::mitchell>);
    return 0;
}
