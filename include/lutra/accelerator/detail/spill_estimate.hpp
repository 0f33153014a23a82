// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/memory_moves.hpp>
#include <lutra/accelerator/tiled_operation.hpp>
#include <lutra/core/workload.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lutra::detail {

/// How much some tensors are together.
struct tensor_volume {
    double bits = 0;     ///< of the elements that are not zero
    double elements = 0; ///< a bit of the mask each
    double stored = 0;   ///< elements that are not zero
    double words = 0;    ///< of the masks, in elements of their tensors

    [[nodiscard]] static constexpr tensor_volume of(const operation& op) noexcept {
        const double all = static_cast<double>(op.elements()), stored = all * (1 - op.out.sparsity);
        return {stored * op.out.bits, all, stored, all / std::max(1, op.out.bits)};
    }
    constexpr tensor_volume& add(const tensor_volume& v, double times = 1) noexcept {
        bits += times * v.bits, elements += times * v.elements, stored += times * v.stored, words += times * v.words;
        return *this;
    }
    /// On its way to main memory, where @p written, or back.
    [[nodiscard]] constexpr tiled_transfer moved(bool written, operation_pass pass, const tiled_geometry& g) const noexcept {
        tiled_transfer t{.load = true, .written = written, .pass = pass, .elements = elements, .bits = bits};
        t.mask_bits = elements;
        t.width = elements / words;
        t.stored = stored / elements;
        t.cycles = cycles_of(t.bits * g.to_load.tensor);
        t.mask_cycles = cycles_of(t.mask_bits * g.to_load.mask);
        return t;
    }
};

/// What leaves the activation buffer for want of room, its own or that of the mask buffer, and comes back: an estimate. Of
/// the tensors of a pass that a later pass reads, as much leaves as does not fit beside all else, once, and comes back in
/// the pass after; it is what is needed last, so that the room is free for what that pass makes. Of what only its own pass
/// reads, what does not fit leaves and comes back in it.
class spill_estimate {
public:
    static constexpr std::size_t most_operations = 16384; ///< of a workload for which there is an estimate

    constexpr spill_estimate(const workload& w, double capacity, double mask_capacity)
        : work_{&w}, moves_{has_memory_moves(w)}, capacity_{.bits = capacity, .elements = mask_capacity} {}

    /// Calls `use(volume, pass, back)` for what leaves in a pass and comes back in another or the same.
    template <class Use>
    constexpr void for_each(Use&& use) {
        const auto& ops = work_->operations;
        if (ops.size() > most_operations) return;
        std::array<tensor_volume, passes> kept{}, most{}; ///< that later passes read, made in each pass: now, and at most
        // What is beyond the capacities at most in each pass: beside all that earlier ones keep, and beside what it reads.
        std::array<tensor_volume, passes> beside_all{}, beside_read{};
        std::array<tensor_volume, passes> within{};  ///< leaves and comes back in its pass
        tensor_volume passing, outside;              ///< that only its pass reads; the part of it that does not fit
        for (std::size_t i = ops.size(); i-- > 0;) { // from the last one, so that a tensor's last use comes first
            const auto pass = static_cast<std::size_t>(ops[i].pass);
            if (is_set(seen_, i)) (is_set(crosses_, i) ? kept[pass] : passing).add(volume_of(ops[i]), -1);
            tensor_volume read;
            for (const std::uint32_t d : work_->dependencies_of(ops[i])) {
                const tensor_volume tensor = volume_of(ops[d]);
                const bool earlier = ops[d].pass < ops[i].pass;
                if (earlier) read.add(tensor);
                if (is_set(seen_, d)) continue;
                set(seen_, d);
                if (earlier) set(crosses_, d);
                (earlier ? kept[static_cast<std::size_t>(ops[d].pass)] : passing).add(tensor);
            }
            for (std::size_t p = 0; p < passes; ++p) enlarge(most[p], kept[p]);
            enlarge(beside_read[pass], read.add(passing).add(kept[pass]).add(capacity_, -1));
            const auto before = static_cast<std::size_t>(ops[i - (i > 0)].pass); // in which all this was made
            tensor_volume now = passing;
            for (std::size_t p = 0; p <= before; ++p) now.add(kept[p]);
            enlarge(beside_all[before], now.add(capacity_, -1));
            tensor_volume here;
            here.add(passing, excess(passing));
            if (outside.bits > here.bits) within[pass].add(outside, 1 - here.bits / outside.bits);
            outside = here;
        }
        tensor_volume left; // by earlier passes
        for (std::size_t p = 0; p < passes; ++p) {
            tensor_volume& beyond = beside_all[p].add(left, -1);
            enlarge(beyond, beside_read[p]);
            const double share = std::max(part(beyond.bits, most[p].bits), part(beyond.elements, most[p].elements));
            tensor_volume gone;
            left.add(gone.add(most[p], std::min(share, 1.0)));
            const auto pass = static_cast<operation_pass>(p);
            if (gone.elements > 0) use(gone, pass, static_cast<operation_pass>(std::min(p + 1, passes - 1)));
            if (within[p].elements > 0) use(within[p], pass, pass);
        }
    }

private:
    static constexpr std::size_t passes = 3;
    using set_of_operations = std::array<std::uint64_t, most_operations / 64>;
    [[nodiscard]] static constexpr bool is_set(const set_of_operations& s, std::size_t i) noexcept {
        return (s[i / 64] >> i % 64 & 1) != 0;
    }
    static constexpr void set(set_of_operations& s, std::size_t i) noexcept { s[i / 64] |= std::uint64_t{1} << i % 64; }
    static constexpr double part(double a, double b) noexcept { return b > 0 ? a / b : 0; }
    static constexpr void enlarge(tensor_volume& to, const tensor_volume& v) noexcept {
        to.bits = std::max(to.bits, v.bits), to.elements = std::max(to.elements, v.elements);
        to.stored = std::max(to.stored, v.stored), to.words = std::max(to.words, v.words);
    }
    [[nodiscard]] constexpr tensor_volume volume_of(const operation& op) const noexcept {
        const bool kept = (is_move(op) || !moves_) && op.out.cls != tensor_class::weight; // in the activation buffer
        return kept ? tensor_volume::of(op) : tensor_volume{};
    }
    /// The share of what is alive that does not fit.
    [[nodiscard]] constexpr double excess(const tensor_volume& v) const noexcept {
        return std::max(v.bits > capacity_.bits ? 1 - capacity_.bits / v.bits : 0,
                        v.elements > capacity_.elements ? 1 - capacity_.elements / v.elements : 0);
    }

    const workload* work_;
    bool moves_;
    tensor_volume capacity_;
    set_of_operations seen_{};    ///< whose result a later one reads
    set_of_operations crosses_{}; ///< whose result a later pass reads
};

} // namespace lutra::detail
