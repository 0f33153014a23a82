// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The least that is of use: one approximate multiplier, one GELU of eight entries, one layer that has both. Beside the same
// program without a layer it shows what flash lutra takes.

#include "board.hpp"

#if !defined(EMPTY)
    #include <lutra/gemm/epilogue.hpp>
    #include <lutra/gemm/lean_gemm.hpp>
    #include <lutra/multiplier/drum.hpp>
    #include <lutra/multiplier/lowered_constant.hpp>
    #include <lutra/nonlinear/activation_table.hpp>
    #include <lutra/nonlinear/pwl.hpp>

    #include <array>
    #include <cstddef>
    #include <cstdint>

namespace {

constexpr std::size_t rows = 4, inputs = 16, outputs = 8;
constexpr const lutra::lowered_multiplier& multiplier = lutra::lowered_v<lutra::drum<4>>;
constexpr std::array<std::int8_t, 256> gelu = lutra::activation_values<lutra::pwl<lutra::gelu, 8>>(5, 1.0 / 32);
constexpr std::array<std::int8_t, inputs* outputs> weights = [] {
    std::array<std::int8_t, inputs * outputs> w{};
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<std::int8_t>(static_cast<int>(i * 37 % 255) - 127);
    return w;
}();
constexpr std::array<lutra::requantizer, outputs> by = [] {
    std::array<lutra::requantizer, outputs> r{};
    r.fill(lutra::requantizer::from_ratio(1.0 / 256));
    return r;
}();
alignas(lutra::arena::alignment) std::byte memory[lutra::lean_scratch_bytes(multiplier, inputs)];
std::array<std::int8_t, rows * inputs> x;
std::array<std::int8_t, rows * outputs> y;

int layer() {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::int8_t>(static_cast<int>(i * 29 % 255) - 127);
    lutra::arena scratch{memory};
    const lutra::matrix_view<const std::int8_t> a{x.data(), rows, inputs}, w{weights.data(), outputs, inputs};
    lutra::lean_gemm(a, lutra::transposed(w), multiplier, scratch,
                     lutra::requantize_sums{lutra::matrix_view<std::int8_t>{y.data(), rows, outputs}, by, {}, gelu});
    unsigned sum = 0;
    for (const std::int8_t v : y) sum = sum * 31 + static_cast<std::uint8_t>(v);
    return static_cast<int>(sum % 97);
}

} // namespace

void lutra::on_panic(const panic_info& info) { board::leave(100 + static_cast<int>(info.code)); }
#else
static int layer() { return 0; }
#endif

int main() { return layer(); }
