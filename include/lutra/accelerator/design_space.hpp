// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/tiled_config.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/core/result.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

namespace lutra {

/// A main memory and how fast it delivers.
struct tiled_memory {
    memory_cost cost{};
    double bandwidth = 0; ///< bits a cycle
    friend constexpr bool operator==(const tiled_memory&, const tiled_memory&) = default;
};

/// acceltran_memories with the bandwidths of its presets: DRAM 25.6 GB/s as acceltran_edge, RRAM and HBM 256 GB/s as
/// acceltran_server.
inline constexpr auto acceltran_main_memories = [] {
    std::array<tiled_memory, acceltran_memories.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) {
        const memory_cost& cost = acceltran_memories[i];
        all[i] = {cost,
                  cost.kind == memory_kind::dram ? acceltran_edge.memory_bandwidth : acceltran_server.memory_bandwidth};
    }
    return all;
}();

/// The values that one field of a design can have: 1 to `capacity` different ones, in an order in which neighbours are near.
template <std::equality_comparable T>
class design_axis {
public:
    static constexpr std::size_t capacity = 16;

    /// Panics (empty, out_of_range, bad_argument) where there is no value, too many, or one twice.
    constexpr design_axis(std::span<const T> values) : size_{values.size()} {
        require(!values.empty(), panic_code::empty, "an axis of a design space needs at least one value", 0, 1);
        require(values.size() <= capacity, panic_code::out_of_range, "an axis of a design space has too many values",
                static_cast<long long>(values.size()), static_cast<long long>(capacity));
        for (std::size_t i = 0; i < size_; ++i) {
            require(std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) ==
                        values.begin() + static_cast<std::ptrdiff_t>(i),
                    panic_code::bad_argument, "an axis of a design space names each value once");
            values_[i] = values[i];
        }
    }
    constexpr design_axis(std::initializer_list<T> values) : design_axis{std::span{values.begin(), values.size()}} {}

    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr std::span<const T> values() const noexcept { return std::span{values_}.first(size_); }
    /// Panics where there is no value @p position.
    [[nodiscard]] constexpr const T& operator[](std::size_t position) const {
        require(position < size_, panic_code::out_of_range, "a position past the end of an axis of a design space",
                static_cast<long long>(position), static_cast<long long>(size_));
        return values_[position];
    }
    /// Where @p value is; size() where it is not.
    [[nodiscard]] constexpr std::size_t find(const T& value) const {
        return static_cast<std::size_t>(std::ranges::find(values(), value) - values().begin());
    }

private:
    std::array<T, capacity> values_{};
    std::size_t size_;
};

/// A point of a design space: an accelerator, and how many inputs it takes at once.
struct tiled_design {
    tiled_config config{};
    std::uint32_t batch = 1; ///< of the workload: describe it for as many
    friend constexpr bool operator==(const tiled_design&, const tiled_design&) = default;
};

/// The accelerators that a search chooses from: all combinations of the values of twelve axes, each of which can be
/// restricted or replaced. What has no axis is that of `base`: with its tiles issued a cycle, more elements may stay idle
/// (AccelTran's own exploration issues elements / 8). By default the space of TransCODE's ELECTOR (Tuli and Jha, 2023, arXiv
/// 2303.14882): 2 x 3 x 2 x 5 x 5 x 2 x 6 x 3 x 5 x 5 x 5 x 11 = 14,850,000 points.
///
/// A point is an index, from 0, in which the last axis varies fastest, or a genome: its position on each axis. A crossover
/// that exchanges genes of valid genomes makes valid ones. Whether a point fits a workload, and whether the values of a
/// replaced axis make sense, the error of its simulation tells.
///
/// @code
/// lutra::tiled_design_space space;
/// space.elements = {64, 128};
/// const lutra::tiled_design d = space.at(space.sample(random));
/// out.clear();
/// const auto report = lutra::tiled{d.config}.simulate(lutra::describe_acceltran(lutra::bert_tiny, d.batch, out));
/// const double cost = report ? report->seconds() / d.batch : 1e300;
/// @endcode
struct tiled_design_space {
    /// The axes in the order of an index's digits and of a genome's genes; of a design, the fields that they decide.
    static constexpr std::array<std::string_view, 12> axis_names{"tile_batch",    "tile_side", "activation", "elements",
                                                                 "lanes",         "macs",      "softmax",    "batch",
                                                                 "activation_mb", "weight_mb", "mask_mb",    "memory"};
    /// A position on each axis.
    using genome = std::array<std::uint8_t, axis_names.size()>;

    tiled_config base = acceltran_edge;
    design_axis<std::uint32_t> tile_batch{1, 4};
    design_axis<std::uint32_t> tile_side{8, 16, 32};
    design_axis<lane_function> activation{lane_function::relu, lane_function::gelu};
    design_axis<std::uint32_t> elements{64, 128, 256, 512, 1024};
    design_axis<std::uint32_t> lanes{8, 16, 32, 64, 128};    ///< an element
    design_axis<std::uint32_t> macs{1, 16};                  ///< a lane
    design_axis<std::uint32_t> softmax{2, 4, 8, 16, 32, 64}; ///< units an element
    design_axis<std::uint32_t> batch{4, 16, 32};
    design_axis<double> activation_mb{4, 8, 16, 32, 64};
    design_axis<double> weight_mb{8, 16, 32, 64, 128};
    design_axis<double> mask_mb{1, 2, 4, 8, 16};
    design_axis<tiled_memory> memory{std::span{acceltran_main_memories}};

    /// How many values each axis has.
    [[nodiscard]] constexpr std::array<std::size_t, axis_names.size()> extents() const noexcept {
        return {tile_batch.size(), tile_side.size(), activation.size(),    elements.size(),  lanes.size(),   macs.size(),
                softmax.size(),    batch.size(),     activation_mb.size(), weight_mb.size(), mask_mb.size(), memory.size()};
    }
    /// How many points there are.
    [[nodiscard]] constexpr std::uint64_t size() const noexcept {
        std::uint64_t points = 1;
        for (const std::size_t e : extents()) points *= e; // at most 16^12
        return points;
    }
    /// Whether each gene of @p g is a position on its axis.
    [[nodiscard]] constexpr bool valid(const genome& g) const noexcept {
        const auto most = extents();
        for (std::size_t i = 0; i < g.size(); ++i)
            if (g[i] >= most[i]) return false;
        return true;
    }

    /// The design of @p g; panics where it is not valid.
    [[nodiscard]] constexpr tiled_design at(const genome& g) const {
        require_valid(g);
        tiled_design d{base, batch[g[7]]};
        tiled_config& c = d.config;
        c.tile_batch = tile_batch[g[0]];
        c.tile_side = tile_side[g[1]];
        c.activation = activation[g[2]];
        c.elements = elements[g[3]];
        c.lanes = lanes[g[4]];
        c.macs = macs[g[5]];
        c.softmax = softmax[g[6]];
        c.activation_mb = activation_mb[g[8]];
        c.weight_mb = weight_mb[g[9]];
        c.mask_mb = mask_mb[g[10]];
        c.memory = memory[g[11]].cost;
        c.memory_bandwidth = memory[g[11]].bandwidth;
        return d;
    }
    /// The design @p index; panics from size() on.
    [[nodiscard]] constexpr tiled_design at(std::uint64_t index) const { return at(genome_at(index)); }
    /// The genome of point @p index; panics from size() on.
    [[nodiscard]] constexpr genome genome_at(std::uint64_t index) const {
        require(index < size(), panic_code::out_of_range, "an index past the end of a design space",
                static_cast<long long>(index), static_cast<long long>(size()));
        const auto most = extents();
        genome g{};
        for (std::size_t i = g.size(); i-- > 0; index /= most[i]) g[i] = static_cast<std::uint8_t>(index % most[i]);
        return g;
    }
    /// The genome of @p d. Error: malformed, where a field is no value of its axis, or differs from `base` and has no axis.
    [[nodiscard]] constexpr result<genome> genome_of(const tiled_design& d) const {
        const tiled_config& c = d.config;
        const std::array<std::size_t, axis_names.size()> found{
            tile_batch.find(c.tile_batch), tile_side.find(c.tile_side), activation.find(c.activation),
            elements.find(c.elements),     lanes.find(c.lanes),         macs.find(c.macs),
            softmax.find(c.softmax),       batch.find(d.batch),         activation_mb.find(c.activation_mb),
            weight_mb.find(c.weight_mb),   mask_mb.find(c.mask_mb),     memory.find({c.memory, c.memory_bandwidth})};
        const auto most = extents();
        genome g{};
        for (std::size_t i = 0; i < g.size(); ++i) {
            if (found[i] == most[i])
                return error{error_code::malformed, 0,
                             text<320>{} << "the design's " << axis_names[i] << " is not on the axis; expected one of its "
                                         << most[i] << " values"};
            g[i] = static_cast<std::uint8_t>(found[i]);
        }
        if (at(g) != d)
            return error{error_code::malformed, 0,
                         text<320>{} << "the design differs from the base of the design space in a field that has no axis; "
                                        "expected the same"};
        return g;
    }
    /// The index of @p g; panics where it is not valid.
    [[nodiscard]] constexpr std::uint64_t index_of(const genome& g) const {
        require_valid(g);
        const auto most = extents();
        std::uint64_t index = 0;
        for (std::size_t i = 0; i < g.size(); ++i) index = index * most[i] + g[i];
        return index;
    }
    /// The index of @p d; errors as genome_of.
    [[nodiscard]] constexpr result<std::uint64_t> index_of(const tiled_design& d) const {
        const result<genome> g = genome_of(d);
        if (!g) return g.error();
        return index_of(*g);
    }

    /// A point, each with the same probability.
    [[nodiscard]] constexpr genome sample(random_generator& random) const { return genome_at(random.below(size())); }
    /// Moves @p g on one axis, and on each other with probability @p rate, to another value, each with the same probability;
    /// axes of one value stay. Panics where @p g is not valid or @p rate not in [0, 1].
    constexpr void mutate(genome& g, random_generator& random, double rate = 0) const {
        require_valid(g);
        require(rate >= 0 && rate <= 1, panic_code::bad_argument, "the rate of a mutation lies in [0, 1]");
        const auto most = extents();
        const auto movable = static_cast<std::uint64_t>(std::ranges::count_if(most, [](std::size_t n) { return n > 1; }));
        if (movable == 0) return;
        const std::uint64_t chosen = random.below(movable);
        std::uint64_t which = 0;
        for (std::size_t i = 0; i < g.size(); ++i) {
            if (most[i] == 1) continue;
            const bool moves = which++ == chosen || (rate > 0 && random.unit() < rate);
            if (moves) g[i] = static_cast<std::uint8_t>((g[i] + 1 + random.below(most[i] - 1)) % most[i]);
        }
    }
    /// Calls @p use with each genome that is one step from @p g on one axis. Panics where @p g is not valid.
    template <std::invocable<const genome&> Use>
    constexpr void for_each_neighbour(const genome& g, Use&& use) const {
        require_valid(g);
        const auto most = extents();
        for (std::size_t i = 0; i < g.size(); ++i) {
            genome other = g;
            if (g[i] > 0) {
                --other[i];
                use(std::as_const(other));
            }
            if (g[i] + 1u < most[i]) {
                other[i] = static_cast<std::uint8_t>(g[i] + 1);
                use(std::as_const(other));
            }
        }
    }

private:
    constexpr void require_valid(const genome& g) const {
        require(valid(g), panic_code::out_of_range, "a genome has a position past the end of an axis of its design space");
    }
};

} // namespace lutra
