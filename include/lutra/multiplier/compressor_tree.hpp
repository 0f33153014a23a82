// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/compressors.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>

namespace lutra {

/// The signed array (Baugh and Wooley, 1973) reduced in stages in the manner of Dadda (1965), with approximate 4:2
/// compressors of type @p C in the lowest @p N columns and exact adders everywhere else. In a stage, every four bits of a
/// low column go into a compressor, every three left over into a full adder, one or two wait; a column of the next stage has
/// the carries from its right first, then its own sums, then the bits that waited. A column starts with its cells by rising
/// weight bit. Stages end when no low column has four bits; what is left is added exactly. The array's two constants
/// (columns 8 and 15) enter there.
///
/// From N = 8 on, low columns hold inverted cells, which are ones where an operand is zero: a product with zero need
/// not be zero then, nor with a compressor that makes something of zeros.
template <compressor C, int N>
struct compressor_tree {
    static_assert(N >= 0 && N <= 15,
                  "lutra::compressor_tree: N, the columns with approximate compressors, must be from 0 to 15.");

    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr text<48> name_text = text<48>{"compressor_"} << C::name << N;
    static constexpr std::string_view name = name_text.view();
    /// The exact product and what each compressor adds to it or takes from it.
    static constexpr product multiply(lhs a, rhs b) noexcept {
        // Cell (j, i) is bit 8 i + j: byte i is the activation where weight bit i is set.
        constexpr std::uint64_t each = 0x0101010101010101u, diagonal = 0x8040201008040201u;
        const std::uint64_t weight = ((each * static_cast<std::uint8_t>(b) & diagonal) + 0x7f * each) >> 7 & each;
        std::uint64_t bits = weight * static_cast<std::uint8_t>(a) ^ 0x7f80808080808080u; // one sign bit: inverted
        product p = a * b;
        for (int n = 0; n < stages.size; ++n) {
            const step& s = stages.steps[n];
            const auto in = static_cast<unsigned>((bits >> s.in[0] & 1u) | (bits >> s.in[1] & 1u) << 1 |
                                                  (bits >> s.in[2] & 1u) << 2 | (bits >> s.in[3] & s.fourth) << 3);
            const unsigned made = s.fourth != 0 ? outputs.compressed[in] : outputs.added[in];
            p += (static_cast<int>(made) - outputs.exact[in]) * (1 << s.column);
            bits &= ~(std::uint64_t{1} << s.in[0] | std::uint64_t{1} << s.in[1]);
            bits |= std::uint64_t{made & 1u} << s.in[0] | std::uint64_t{made >> 1} << s.in[1];
        }
        return p;
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit circuit;
        const int ready = circuit.add(gates::and2, 64, 0);
        int times[64];
        for (int& t : times) t = ready;
        for (int n = 0; n < stages.size; ++n) {
            const step& s = stages.steps[n];
            int latest = 0;
            for (int i = 0; i < (s.fourth != 0 ? 4 : 3); ++i) latest = std::max(latest, times[s.in[i]]);
            if (s.fourth != 0) {
                times[s.in[0]] = times[s.in[1]] = C::count(circuit, latest);
            } else {
                times[s.in[0]] = circuit.add(gates::full_adder, 1, latest, latest - ready);
                times[s.in[1]] = latest + 3;
            }
        }
        column_heap heap;
        for (int bit = 0; bit < 64; ++bit)
            if (stages.left[bit] >= 0) heap.add(stages.left[bit], times[bit]);
        heap.compress(circuit);
        return circuit;
    }

private:
    // Plain arrays and few calls: a table of constants evaluates multiply() 65,536 times.

    /// A cell of the tree: the bits it takes. Its sum and carry replace the first two.
    struct step {
        int in[4]{};
        int column = 0;
        unsigned fourth = 0; ///< 1: a compressor; 0: a full adder, of three bits
    };
    struct schedule {
        step steps[64]{};
        int size = 0;
        int left[64]{}; ///< the column in which each bit ends; -1: it was taken
    };
    static constexpr schedule stages = [] {
        struct column {
            int bits[16]{};
            int size = 0;
        };
        schedule s;
        column columns[16];
        for (int i = 0; i < 8; ++i)
            for (int j = 0; j < 8; ++j) {
                s.left[8 * i + j] = i + j;
                columns[i + j].bits[columns[i + j].size++] = 8 * i + j;
            }
        const auto unfinished = [&] {
            return std::any_of(columns, columns + N, [](const column& c) { return c.size >= 4; });
        };
        while (unfinished()) {
            column carried;
            for (int c = 0; c < N; ++c) {
                const column in = columns[c];
                column out = carried;
                carried = {};
                int taken = 0;
                while (in.size - taken >= 3) {
                    const int count = in.size - taken >= 4 ? 4 : 3;
                    step& made = s.steps[s.size++];
                    made = {.column = c, .fourth = count == 4};
                    for (int i = 0; i < count; ++i) {
                        made.in[i] = in.bits[taken++];
                        if (i >= 2) s.left[made.in[i]] = -1;
                    }
                    s.left[made.in[1]] = c + 1;
                    out.bits[out.size++] = made.in[0];
                    carried.bits[carried.size++] = made.in[1];
                }
                while (taken < in.size) out.bits[out.size++] = in.bits[taken++];
                columns[c] = out;
            }
        }
        return s;
    }();

    /// What a compressor and a full adder make of each input, and its count of ones.
    struct truth_table {
        unsigned compressed[16]{}, added[16]{};
        int exact[16]{};
    };
    static constexpr truth_table outputs = [] {
        truth_table t;
        for (unsigned in = 0; in < 16; ++in) {
            t.compressed[in] = C::compress(in);
            t.exact[in] = std::popcount(in);
            t.added[in] = static_cast<unsigned>(t.exact[in] & 3);
        }
        return t;
    }();
};

} // namespace lutra
