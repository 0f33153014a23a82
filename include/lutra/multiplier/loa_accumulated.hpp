// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lutra {

/// The lower-part OR adder of 16 bits (Mahdiani et al., "Bio-inspired imprecise computational blocks", 2010): the lowest
/// @p K bits of the sum are the OR of the operands', the others their exact sum with the AND of bits K - 1 as carry.
template <int K>
[[nodiscard]] constexpr std::uint16_t lower_or_add(std::uint16_t x, std::uint16_t y) noexcept {
    static_assert(K >= 0 && K <= 15, "lutra::lower_or_add: K, the bits that are OR'ed, must be from 0 to 15.");
    const int low = (x | y) & ((1 << K) - 1), carry = ((x & y) << 1) >> K & (K > 0);
    return static_cast<std::uint16_t>(((x >> K) + (y >> K) + carry) << K | low);
}

/// The multiplier @p M with its partial products summed by lower-part OR adders, inside the multiplier: row i is M's
/// product of the activation and bit i of the weight alone (row 7 has the weight's sign, so it is negative), in two's
/// complement of 16 bits. The running sum starts as row 0, and rows 1, 2, ..., 7 are added to it one after the other, each
/// by lower_or_add<K>. Nothing outside is approximate: sums of products are exact. M's products must be sums over the
/// weight's bits, as those of exact, operand_truncated, perforated and broken_array are.
template <multiplier M, int K>
struct loa_accumulated {
    static_assert(K >= 0 && K <= 15, "lutra::loa_accumulated: K, the bits that are OR'ed, must be from 0 to 15.");
    static_assert(std::is_same_v<typename M::lhs, std::int8_t> && std::is_same_v<typename M::rhs, std::int8_t> &&
                      lhs_bits_v<M> == 8 && rhs_bits_v<M> == 8,
                  "lutra::loa_accumulated: M must multiply signed operands of 8 bits.");

    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr text<48> name_text = [] {
        text<48> n = text<48>{"loa_accumulated"} << K;
        if (!std::is_same_v<M, exact>) n << "_" << M::name;
        return n;
    }();
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept {
        std::uint16_t sum = row(a, b, 0);
        for (int i = 1; i < 8; ++i) sum = lower_or_add<K>(sum, row(a, b, i));
        return static_cast<std::int16_t>(sum);
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        std::array<int, 16> sum{}; // when each bit of the running sum settles; 0: there is none
        for (int i = 0; i < 8; ++i) {
            int carry = 0;
            for (int column = i; column < 16; ++column) {
                int& bit = sum[static_cast<std::size_t>(column)];
                const int j = column - i;
                // Past the sign column there is nothing to add but the carry.
                const int cell = j < 8 && row(bit_of(j), bit_of(i), i) != 0 ? c.add(gates::and2, 1, 0) : 0;
                const int bits = (bit != 0) + (cell != 0) + (carry != 0), latest = std::max({bit, cell, carry});
                if (column < K) {
                    bit = bits == 2 ? c.add(gates::or2, 1, latest) : latest;
                    if (column == K - 1 && bits == 2) carry = c.add(gates::and2, 1, latest - 1);
                } else if (bits <= 1) {
                    bit = latest;
                    carry = 0;
                } else {
                    bit = c.add(bits == 3 ? gates::full_adder : gates::half_adder, 1, latest, latest - 1);
                    carry = bits == 3 ? latest + 3 : latest + 1;
                }
            }
        }
        return c;
    }

private:
    static constexpr std::int8_t bit_of(int i) noexcept {
        return static_cast<std::int8_t>(static_cast<std::uint8_t>(1u << i));
    }
    static constexpr std::uint16_t row(lhs a, rhs b, int i) noexcept {
        return static_cast<std::uint16_t>(M::multiply(a, static_cast<rhs>(b & bit_of(i))));
    }
    static constexpr bool is_sum_of_rows = [] {
        for (const int a : {127, 85, 37, -1, -90, -128})
            for (int b = -128; b < 128; ++b) {
                int sum = 0;
                for (int i = 0; i < 8; ++i) sum += M::multiply(static_cast<lhs>(a), static_cast<rhs>(b & bit_of(i)));
                if (sum != M::multiply(static_cast<lhs>(a), static_cast<rhs>(b))) return false;
            }
        return true;
    }();
    static_assert(is_sum_of_rows,
                  "lutra::loa_accumulated: M's product must be the sum of its products with each weight bit.");
};

} // namespace lutra
