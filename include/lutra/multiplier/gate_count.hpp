// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/hardware_cost.hpp>
#include <lutra/multiplier/concept.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>

/// @file
/// What a circuit costs when nobody has synthesised it: a unit-gate model (Tyagi, "A reduced-area scheme for
/// carry-select adders", 1993), in which an AND or OR is one gate and one delay, and a XOR two of each.
///
/// Power adds activity to that. An AND, an OR or a multiplexer passes about half of its inputs' changes on: it counts half
/// its area. A XOR passes all of them on: it counts its whole area. Where adders feed adders, changes that arrive at
/// different times pile up: there an adder counts its area x (1 + t / 24), t being how long after the heap's first bit
/// its own inputs settle. The half and the 24 are chosen, the rest is counted from the structure. The model is for
/// ranking circuits, not for sign-off.

namespace lutra {

/// One kind of cell: its area in unit gates, its delay in unit delays, and whether it masks changes of its inputs.
struct gate {
    double area;
    int delay;
    bool masks;
};

/// The cells that the built-in circuits are made of.
namespace gates {
inline constexpr gate and2{1, 1, true};
inline constexpr gate or2{1, 1, true};
inline constexpr gate xor2{2, 2, false};
inline constexpr gate mux2{3, 2, true};
inline constexpr gate half_adder{3, 2, false};
inline constexpr gate full_adder{7, 4, false};
} // namespace gates

/// A circuit that is being counted. Times are unit delays from the inputs; operations that lie on a path take the time
/// at which their inputs settle and return the time at which their outputs do.
class gate_circuit {
public:
    /// Adds @p count cells side by side; @p skew is how long after the first input of a chain of adders theirs settle.
    constexpr int add(gate g, int count, int arrival, int skew = 0) noexcept {
        const double area = g.area * count;
        area_ += area;
        energy_ += area * (g.masks ? 0.5 : 1.0 + skew / 24.0);
        return settle(count > 0 ? arrival + g.delay : arrival);
    }
    /// A number of @p width bits, negated or not: a row of XORs and an incrementer with a logarithmic carry.
    constexpr int conditional_negate(int width, int arrival) noexcept {
        const int inverted = add(gates::xor2, width, arrival);
        const int carried = add(gates::and2, width, inverted) + ceil_log2(width) - 1;
        return add(gates::xor2, width, carried);
    }
    /// Which of the top @p positions bits is the leading one, one hot.
    constexpr int leading_one_detector(int positions, int arrival) noexcept {
        return add(gates::and2, positions, add(gates::or2, positions, arrival) + ceil_log2(positions));
    }
    /// A one-hot number in binary.
    constexpr int encoder(int positions, int arrival) noexcept {
        const int bits = ceil_log2(positions);
        return add(gates::or2, bits * std::max(positions / 2 - 1, 1), arrival) + std::max(bits - 2, 0);
    }
    /// @p outputs bits, each chosen from @p inputs by a one-hot number: ANDs and a tree of ORs.
    constexpr int one_hot_select(int outputs, int inputs, int arrival) noexcept {
        const int gated = add(gates::and2, outputs * inputs, arrival);
        return add(gates::or2, outputs * (inputs - 1), gated) + std::max(ceil_log2(inputs) - 1, 0);
    }
    /// @p width bits shifted left by up to @p most places, of which @p kept bits survive: a multiplexer a bit and stage, but
    /// an AND where a zero comes in.
    constexpr int shifter(int width, int most, int kept, int arrival) noexcept {
        for (int step = 1 << (ceil_log2(most + 1) - 1); most > 0 && step > 0; step /= 2) {
            const int edge = std::min(step, width), out = std::min(width + step, kept);
            const int single = std::min(2 * edge, out);
            const int gated = add(gates::and2, single, arrival);
            arrival = std::max(gated, add(gates::mux2, out - single, arrival));
            width = out;
        }
        return arrival;
    }
    /// Moves the end of the circuit to @p arrival if that is later.
    constexpr int settle(int arrival) noexcept {
        depth_ = std::max(depth_, arrival);
        return arrival;
    }

    [[nodiscard]] constexpr double area() const noexcept { return area_; }
    [[nodiscard]] constexpr double energy() const noexcept { return energy_; }
    [[nodiscard]] constexpr int depth() const noexcept { return depth_; }

    /// The least n with 2^n >= @p x.
    static constexpr int ceil_log2(int x) noexcept {
        int n = 0;
        while ((1 << n) < x) ++n;
        return n;
    }

private:
    double area_ = 0, energy_ = 0;
    int depth_ = 0;
};

/// Bits of equal weight in columns, which adders compress to one bit a column, the earliest bits first
/// (Oklobdzija, Villeger and Liu, 1996): n bits that end as m take n - m full adders.
class column_heap {
public:
    /// @p columns: those of the product, at most 32.
    constexpr explicit column_heap(int columns = 16) noexcept : columns_(columns) {}
    /// A bit of weight 2^@p column that settles at @p arrival; columns past the last are not part of the product.
    constexpr void add(int column, int arrival) noexcept {
        if (column < columns_) bits_[at(column)][at(count_[at(column)]++)] = arrival;
    }
    /// Adds the adders to @p circuit; returns when the sum has settled.
    constexpr int compress(gate_circuit& circuit) noexcept {
        int first = 0;
        bool any = false;
        for (int column = 0; column < columns_; ++column)
            for (int i = 0; i < count_[at(column)]; ++i) {
                const int t = bits_[at(column)][at(i)];
                first = any ? std::min(first, t) : t;
                any = true;
            }
        int done = 0;
        for (int column = 0; column < columns_; ++column) {
            int& n = count_[at(column)];
            while (n > 1) {
                const int used = std::min(n, 3);
                int latest = 0;
                for (int i = 0; i < used; ++i) latest = std::max(latest, take_earliest(column));
                const int sum = circuit.add(used == 3 ? gates::full_adder : gates::half_adder, 1, latest, latest - first);
                add(column, sum);
                add(column + 1, used == 3 ? latest + 3 : latest + 1);
            }
            if (n == 1) done = std::max(done, bits_[at(column)][0]);
        }
        return done;
    }

private:
    static constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }
    constexpr int take_earliest(int column) noexcept {
        auto& bits = bits_[at(column)];
        int& n = count_[at(column)];
        int best = 0;
        for (int i = 1; i < n; ++i)
            if (bits[at(i)] < bits[at(best)]) best = i;
        const int time = bits[at(best)];
        bits[at(best)] = bits[at(--n)];
        return time;
    }
    std::array<std::array<int, 32>, 32> bits_{};
    std::array<int, 32> count_{};
    int columns_;
};

/// An array multiplier of 8x8 bits, signed (Baugh and Wooley, 1973) or not, that keeps the partial products for which
/// @p keep (bit of the activation, bit of the weight) is true.
template <std::predicate<int, int> Keep>
[[nodiscard]] constexpr gate_circuit array_circuit(Keep keep) noexcept {
    gate_circuit circuit;
    column_heap heap;
    for (int j = 0; j < 8; ++j)
        for (int i = 0; i < 8; ++i)
            if (keep(j, i)) heap.add(i + j, circuit.add(gates::and2, 1, 0));
    heap.compress(circuit);
    return circuit;
}

/// The circuit that costs are relative to: the full 8x8 array.
inline constexpr gate_circuit exact_circuit = array_circuit([](int, int) { return true; });

/// What @p circuit costs next to the exact 8x8 multiplier.
[[nodiscard]] constexpr hardware_cost relative_cost(const gate_circuit& circuit) noexcept {
    return {circuit.energy() / exact_circuit.energy(), circuit.area() / exact_circuit.area(),
            static_cast<double>(circuit.depth()) / exact_circuit.depth()};
}

/// A multiplier that says how it is built: `static constexpr gate_circuit circuit() noexcept`.
template <class M>
concept structured_multiplier = multiplier<M> && requires {
    { M::circuit() } -> std::same_as<gate_circuit>;
};

/// What M costs next to the exact 8x8 multiplier: M::cost where M measured it, else the model on M::circuit(), else
/// the exact one's cost, so that a circuit nobody described never looks like a saving.
template <multiplier M>
[[nodiscard]] consteval hardware_cost cost_of() noexcept {
    if constexpr (requires { M::cost; }) return M::cost;
    else if constexpr (structured_multiplier<M>) return relative_cost(M::circuit());
    else return {};
}

} // namespace lutra
