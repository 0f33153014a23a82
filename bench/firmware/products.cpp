// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Linear layers of 50 rows with requantised outputs, some times; how many instructions they take is QEMU's to count.

#include "panic.hpp"
#include "semihosting.hpp"

#include <lutra/core/random.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/lean_gemm.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/lowered_constant.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

constexpr std::size_t rows = 50, most = 128;
std::array<std::int8_t, rows * most> x, y;
std::array<std::int8_t, most * most> weights;
std::array<lutra::requantizer, most> by;
std::array<std::int32_t, most> bias;
alignas(lutra::arena::alignment) std::byte memory[lutra::lean_scratch_bytes(lutra::lowered_v<lutra::exact>, most)];

/// Four numbers of the command line, which the debugger knows: inputs, outputs, 0 for exact products or 1 for drum4, times.
std::array<std::size_t, 4> arguments() {
    std::array<char, 64> text{};
    const struct {
        char* to;
        std::uint32_t size;
    } block{text.data(), text.size()};
    semihosting::call(semihosting::operation::get_command_line, &block);
    std::array<std::size_t, 4> numbers{};
    std::size_t which = 0;
    for (const char c : text) {
        if (c >= '0' && c <= '9') numbers[which % 4] = 10 * numbers[which % 4] + static_cast<std::size_t>(c - '0');
        if (c == ' ') ++which;
    }
    return numbers;
}

} // namespace

int main() {
    const auto [inputs, outputs, multiplier, times] = arguments();
    lutra::random_generator random{1};
    const auto draw = [&] { return static_cast<std::int8_t>(random.between(-127, 127)); };
    std::generate(x.begin(), x.end(), draw);
    std::generate(weights.begin(), weights.end(), draw);
    for (auto& r : by) r = {static_cast<std::int32_t>(random.between(1 << 30, (1ll << 31) - 1)), 39};
    for (auto& b : bias) b = static_cast<std::int32_t>(random.between(-1000, 1000));
    for (std::size_t i = 0; i < times; ++i) {
        lutra::arena scratch{memory};
        lutra::lean_gemm(lutra::matrix_view<const std::int8_t>{x.data(), rows, inputs},
                         lutra::transposed(lutra::matrix_view<const std::int8_t>{weights.data(), outputs, inputs}),
                         multiplier == 0 ? lutra::lowered_v<lutra::exact> : lutra::lowered_v<lutra::drum<4>>, scratch,
                         lutra::requantize_sums{lutra::matrix_view<std::int8_t>{y.data(), rows, outputs},
                                                std::span{by}.first(outputs), std::span{bias}.first(outputs)});
    }
    return 0;
}
