// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/gate_count.hpp>

#include <algorithm>
#include <concepts>
#include <string_view>

/// @file
/// Approximate 4:2 compressors: cells that take four bits of one weight for a sum bit and a carry bit, without the carries
/// to and from their neighbours that an exact one has.

namespace lutra {

/// An empty type with
/// - `name`: a static constexpr std::string_view;
/// - `compress(bits)`: the sum bit plus twice the carry bit of the four bits x1 (lowest), x2, x3, x4 of @p bits;
/// - `count(circuit, arrival)`: adds its cells; returns when the later of its outputs settles.
template <class C>
concept compressor = requires(unsigned bits, gate_circuit& circuit, int arrival) {
    { C::name } -> std::convertible_to<std::string_view>;
    { C::compress(bits) }
    noexcept->std::same_as<unsigned>;
    { C::count(circuit, arrival) } -> std::same_as<int>;
};

namespace compressors {

/// The second design of Momeni et al., "Design and analysis of approximate compressors for multiplication", 2015:
/// carry (x1 + x2)(x3 + x4), sum the OR of both pairs' XNORs. Wrong for 4 of 16 inputs, always by one; four
/// zeros count as one, so that a product with zero need not be zero.
struct momeni2 {
    static constexpr std::string_view name = "momeni2_";
    static constexpr unsigned compress(unsigned bits) noexcept {
        const unsigned x1 = bits & 1u, x2 = bits >> 1 & 1u, x3 = bits >> 2 & 1u, x4 = bits >> 3 & 1u;
        return ((x1 | x2) & (x3 | x4)) << 1 | ((x1 ^ x2 ^ 1u) | (x3 ^ x4 ^ 1u));
    }
    static constexpr int count(gate_circuit& c, int arrival) noexcept {
        c.add(gates::and2, 1, c.add(gates::or2, 2, arrival));
        return c.add(gates::or2, 1, c.add(gates::xor2, 2, arrival));
    }
};

/// The 4:2 compressor of Venkatachalam and Ko, "Design of power and area efficient approximate multipliers", 2017:
/// with w = x1 x2 and v = x3 x4, carry w + v, sum (x1 xor x2) + (x3 xor x4) + w v. Wrong for 5 of 16 inputs, always
/// one too small; zeros stay zero. (The authors' multipliers also change the partial products beforehand; these cells do
/// not.)
struct venkatachalam {
    static constexpr std::string_view name = "venkatachalam";
    static constexpr unsigned compress(unsigned bits) noexcept {
        const unsigned x1 = bits & 1u, x2 = bits >> 1 & 1u, x3 = bits >> 2 & 1u, x4 = bits >> 3 & 1u;
        const unsigned w = x1 & x2, v = x3 & x4;
        return (w | v) << 1 | ((x1 ^ x2) | (x3 ^ x4) | (w & v));
    }
    static constexpr int count(gate_circuit& c, int arrival) noexcept {
        const int pairs = c.add(gates::and2, 2, arrival);
        c.add(gates::or2, 1, pairs);
        const int both = c.add(gates::and2, 1, pairs);
        return c.add(gates::or2, 2, std::max(both, c.add(gates::xor2, 2, arrival))) + gates::or2.delay;
    }
};

} // namespace compressors

} // namespace lutra
