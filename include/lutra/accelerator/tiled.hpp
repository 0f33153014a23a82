// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/concept.hpp>
#include <lutra/accelerator/detail/spill_estimate.hpp>
#include <lutra/accelerator/memory_moves.hpp>
#include <lutra/accelerator/tiled_operation.hpp>
#include <lutra/core/workload.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra {

namespace detail {

/// When operations end, of the last few: any other counts as ended with the latest of those that were forgotten.
template <std::size_t Count>
class recent_ends {
public:
    constexpr void set(std::size_t index, double end) {
        slot& s = slots_[index % Count];
        const bool older = s.number > index + 1; // of a stream that lags behind the others
        forgotten_ = std::max(forgotten_, older ? end : s.end);
        if (!older) s = {index + 1, end};
    }
    [[nodiscard]] constexpr double operator[](std::size_t index) const {
        const slot& s = slots_[index % Count];
        return s.number == index + 1 ? s.end : forgotten_;
    }

private:
    struct slot {
        std::size_t number = 0; ///< of the operation, from 1; 0: of none
        double end = 0;
    };
    std::array<slot, Count> slots_{};
    double forgotten_ = 0;
};

/// The closed forms of a tiled accelerator: every operation is one step. Tiles flow into their pool of units as a fluid, not
/// faster than they are issued; transfers follow each other on the ports of their buffers.
class tiled_estimate {
public:
    static constexpr std::size_t most_streams = 64;

    constexpr tiled_estimate(const tiled_config& c, const workload& w) : config_{&c}, work_{&w}, geometry_{c}, account_{c} {
        const std::uint64_t units[]{c.all_lanes(), c.all_softmax(), c.elements};
        for (std::size_t i = 0; i < 3; ++i) {
            const std::uint64_t issue = std::min<std::uint64_t>(c.issue, units[i]);
            pools_[i] = {units[i], issue, 1 / static_cast<double>(issue), 1 / static_cast<double>(units[i] / issue * issue),
                         0};
        }
        constexpr double megabyte = 8.0 * 1024 * 1024;
        capacity_ = {c.weight_mb * megabyte, c.activation_mb * megabyte, c.mask_mb * megabyte};
    }

    constexpr result<accelerator_report> run() {
        const auto& ops = work_->operations;
        moves_ = has_memory_moves(*work_);
        for (std::size_t first = 0; first < ops.size();) {
            std::size_t last = first + 1;
            const bool heads = ops[first].stream != 0;
            while (last < ops.size() && (ops[last].stream != 0) == heads) ++last;
            const status s = heads ? side_by_side(first, last) : one_by_one(first, last);
            if (!s) return s.error();
            first = last;
        }
        if (may_spill()) count_spills();
        if (const status s = account_.counted(); !s) return s.error();
        accelerator_report r = account_.report(static_cast<std::uint64_t>(end_ + 0.5));
        r.macs = work_->macs();
        return r;
    }

private:
    struct pool {
        std::uint64_t units = 1, issue = 1;
        double a_window = 1;   ///< 1 / issue
        double a_used = 1;     ///< 1 / the units that are used: whole windows only
        double busy_until = 0; ///< when a fluid of all tiles so far has passed
    };
    [[nodiscard]] constexpr double ready(std::size_t i) {
        double at = 0;
        for (const std::uint32_t d : work_->dependencies_of(work_->operations[i])) {
            at = std::max(at, ends_[d]);
            farthest_ = std::max<std::size_t>(farthest_, i - d);
        }
        return at;
    }
    /// Whether the tensors between two operations could be more than their buffers hold: none lives longer than `farthest_`
    /// operations, and all of them together are no more than what was moved.
    [[nodiscard]] constexpr bool may_spill() const {
        const double together = static_cast<double>(farthest_);
        return (together * largest_bits_ > capacity_[1] && account_.activation_bits() > capacity_[1]) ||
               (together * largest_mask_ > capacity_[2] && account_.mask_bits() > capacity_[2]);
    }
    /// Adds what leaves the activation buffer and comes back, and the time in which all else waits for it.
    [[gnu::noinline]] constexpr void count_spills() {
        std::array<double, 3> cycles{}; // a pass
        const auto move = [&](const tensor_volume& v, bool out, operation_pass pass) {
            const tiled_transfer t = v.moved(out, pass, geometry_);
            account_.transfer(t);
            cycles[static_cast<std::size_t>(pass)] += static_cast<double>(std::max(t.cycles, t.mask_cycles));
        };
        spill_estimate{*work_, capacity_[1], capacity_[2]}.for_each(
            [&](const tensor_volume& v, operation_pass from, operation_pass back) {
                move(v, true, from);
                move(v, false, back);
            });
        account_.delay(cycles);
        end_ += cycles[0] + cycles[1] + cycles[2];
    }
    constexpr void end(std::size_t i, double at) {
        ends_.set(i, at);
        end_ = std::max(end_, at);
        account_.ended(work_->operations[i].pass, at);
    }

    /// Books a transfer for @p op.
    constexpr tiled_transfer booked(const operation& op, const tiled_transfer& t) {
        const double room = capacity_[t.cls == tensor_class::weight ? 0 : t.cls == tensor_class::mask ? 2 : 1];
        if (t.bits > room || t.mask_bits > capacity_[2]) too_large_ = &op, too_many_ = t.elements;
        if (t.cls != tensor_class::weight) {
            largest_bits_ = std::max(largest_bits_, t.bits);
            largest_mask_ = std::max(largest_mask_, t.mask_bits);
        }
        account_.transfer(t);
        return t;
    }
    /// A transfer in its turn, that may not begin before @p from; when it ends.
    constexpr double transfer(const operation& op, double from) {
        const tiled_transfer t = booked(op, tiled_transfer::of(op, geometry_));
        double& port = t.cls == tensor_class::weight ? weight_port_ : activation_port_;
        const double start = std::max({from, port, mask_port_, memory_from_});
        port = start + static_cast<double>(t.cycles);
        mask_port_ = start + static_cast<double>(t.mask_cycles);
        memory_from_ = start;
        return port;
    }
    /// What a stream of operations without transfers of its own has moved.
    struct stream_moves {
        double load_from = 0; ///< when the next weight's load may begin: after the stores before the product before it
        double stored = 0;    ///< when the last store began
    };
    /// The load of a weight, beside whatever is stored; when it ends.
    constexpr double load(const operation& op, stream_moves& m) {
        const double elements = static_cast<double>(op.k) * static_cast<double>(op.n);
        const tiled_transfer t = booked(op, tiled_transfer::of(op.rhs, elements, true, true, op.pass, geometry_));
        weight_port_ = std::max(weight_port_, m.load_from) + static_cast<double>(t.cycles);
        m.load_from = m.stored;
        return weight_port_;
    }
    constexpr double store(const operation& op, double from, stream_moves& m) {
        const auto elements = static_cast<double>(op.elements());
        const bool weights = op.out.cls == tensor_class::weight;
        const tiled_transfer t = booked(op, tiled_transfer::of(op.out, elements, false, weights, op.pass, geometry_));
        m.stored = std::max({from, activation_port_, mask_port_});
        activation_port_ = m.stored + static_cast<double>(t.cycles);
        mask_port_ = m.stored + static_cast<double>(t.mask_cycles);
        return activation_port_;
    }
    /// A computation that may not begin before @p from: when it ends, and when its last tile is issued.
    struct span_of_time {
        double issued, end;
    };
    constexpr span_of_time compute(const operation& op, double from) {
        const tiled_operation t = tiled_operation::of(op, geometry_);
        pool& p = pools_[static_cast<std::size_t>(t.unit)];
        const double tiles = static_cast<double>(t.tiles), units = static_cast<double>(p.units);
        const std::uint64_t fill = t.unit == tiled_unit::lane ? (t.product ? 2 : 1) * t.fill : 0;
        const std::uint64_t busy = std::max(t.work, fill), slot = busy + 1;
        p.busy_until = std::max(p.busy_until, from) + tiles * static_cast<double>(slot) * p.a_used;
        const double flow = p.busy_until - static_cast<double>(slot) + std::min(units, tiles) * p.a_window;
        const double alone = from + static_cast<double>(cycles_of(tiles * p.a_window)) - 1;
        const double issued = std::max(alone, flow - 1);
        if (t.unit == tiled_unit::lane && t.product) {
            const auto lanes = std::min<std::uint64_t>(p.units, p.issue * slot);
            const operand_reuse reuse = operand_reuse::of(t.extents, config_->order, lanes);
            account_.tiles(t, t.tiles, t.tiles - reuse.lhs, t.tiles - reuse.rhs, busy);
        } else {
            account_.tiles(t, t.tiles, t.tiles, 0, busy);
        }
        account_.issued(t);
        return {issued, issued + static_cast<double>(slot)};
    }
    [[nodiscard]] constexpr status fits() const {
        if (too_large_ == nullptr) return ok();
        return error{error_code::wrong_size, 0,
                     text<320>{} << "a tensor that '" << too_large_->label << "' moves, of "
                                 << static_cast<std::uint64_t>(too_many_)
                                 << " elements, does not fit its buffer or the mask buffer; expected larger buffers"};
    }

    /// Operations outside of heads: transfers in order, computations in order.
    constexpr status one_by_one(std::size_t first, std::size_t last) {
        double issued = issued_;
        for (std::size_t i = first; i < last; ++i) {
            const operation& op = work_->operations[i];
            if (is_move(op)) {
                end(i, transfer(op, ready(i)));
                continue;
            }
            double from = std::max(ready(i), issued + 1);
            if (!moves_ && reads_weight(op)) from = std::max(from, load(op, moves_of_none_));
            const span_of_time t = compute(op, from);
            issued = t.issued;
            end(i, moves_ ? t.end : store(op, t.end, moves_of_none_));
            if (too_large_ != nullptr) return fits();
        }
        issued_ = issued;
        return fits();
    }

    /// Operations of attention heads: of the streams' next ones the earliest goes first.
    constexpr status side_by_side(std::size_t first, std::size_t last) {
        struct cursor {
            std::size_t at = 0;
            double issued = 0;
            stream_moves moved{};
        };
        std::array<cursor, most_streams> moving{}, computing{};
        std::size_t streams = 0;
        for (std::size_t i = first; i < last; ++i) streams = std::max<std::size_t>(streams, work_->operations[i].stream);
        if (streams > most_streams)
            return error{error_code::unsupported, 0,
                         text<320>{} << "operation " << first << " begins " << streams << " streams; expected at most "
                                     << most_streams};
        const auto next = [&](std::size_t from, std::size_t stream, bool move) {
            while (from < last && (work_->operations[from].stream != stream + 1 || is_move(work_->operations[from]) != move))
                ++from;
            return from;
        };
        for (std::size_t s = 0; s < streams; ++s) {
            moving[s] = {next(first, s, true), 0, {}};
            computing[s] = {next(first, s, false), issued_, {activation_port_, activation_port_}};
        }
        double issued = issued_;
        for (;;) {
            constexpr double none = 1e300;
            double best = none;
            std::size_t which = 0;
            bool move = false;
            for (std::size_t s = 0; s < streams; ++s) {
                const std::size_t m = moving[s].at, c = computing[s].at;
                if (m < last && placed(m, c)) {
                    const tensor_class cls = work_->operations[m].out.cls;
                    const double at =
                        std::max({ready(m), mask_port_, cls == tensor_class::weight ? weight_port_ : activation_port_});
                    if (at < best) best = at, which = s, move = true;
                }
                if (c < last && placed(c, m)) {
                    const double at = std::max(ready(c), computing[s].issued + 1);
                    if (at < best) best = at, which = s, move = false;
                }
            }
            if (best == none) break;
            cursor& at = move ? moving[which] : computing[which];
            const operation& op = work_->operations[at.at];
            if (move) {
                end(at.at, transfer(op, best));
            } else {
                double from = best;
                if (!moves_ && reads_weight(op)) from = std::max(from, load(op, at.moved));
                const span_of_time t = compute(op, from);
                at.issued = t.issued;
                issued = std::max(issued, t.issued);
                end(at.at, moves_ ? t.end : store(op, t.end, at.moved));
            }
            if (too_large_ != nullptr) return fits();
            at.at = next(at.at + 1, which, move);
        }
        issued_ = issued;
        return ok();
    }
    /// Whether all that operation @p i depends on within its stream has been placed, whose other cursor stands at @p other.
    [[nodiscard]] constexpr bool placed(std::size_t i, std::size_t other) const {
        for (const std::uint32_t d : work_->dependencies_of(work_->operations[i]))
            if (d >= other && is_move(work_->operations[d]) != is_move(work_->operations[i])) return false;
        return true;
    }

    const tiled_config* config_;
    const workload* work_;
    tiled_geometry geometry_;
    tiled_account account_;
    std::array<pool, 3> pools_{};
    std::array<double, 3> capacity_{}; ///< bits: weights, activations, masks
    recent_ends<256> ends_;
    double weight_port_ = 0, activation_port_ = 0, mask_port_ = 0, memory_from_ = 0, issued_ = -1, end_ = 0;
    stream_moves moves_of_none_;                 ///< of operations outside of heads
    const operation* too_large_ = nullptr;       ///< of the workload
    double too_many_ = 0;                        ///< elements
    double largest_bits_ = 0, largest_mask_ = 0; ///< of a tensor that was moved
    std::size_t farthest_ = 0;                   ///< from an operation to one that it depends on
    bool moves_ = false;
};

} // namespace detail

/// An accelerator of the AccelTran and ELECTOR class (Tuli and Jha, arXiv 2302.14705 and 2303.14882) in closed form: one
/// step an operation, a few KiB of memory, usable in constant expressions. tiled_event schedules every tile instead; the two
/// share their costs and differ in cycles by what overlaps. Where the workload names no loads and stores, each weight is
/// loaded before and each result stored after its operation.
///
/// What leaves the activation buffer for want of room, and comes back, is estimated for workloads of up to 16,384
/// operations: the volumes of what is alive, as if tensors could leave in part. Its time is added to that of its pass.
///
/// @code
/// constexpr lutra::tiled machine{lutra::acceltran_edge};
/// const auto report = machine.simulate(lutra::describe(config, choices, 1, out));
/// if (report) std::printf("%llu cycles\n", static_cast<unsigned long long>(report->cycles));
/// @endcode
struct tiled {
    static constexpr std::string_view name = "tiled";
    tiled_config config = acceltran_edge;

    /// An error where the configuration or the workload is wrong, or a tensor is larger than its buffer.
    [[nodiscard]] constexpr result<accelerator_report> simulate(const workload& w) const {
        if (const status s = validate(config); !s) return s.error();
        if (const status s = validate(w); !s) return s.error();
        return detail::tiled_estimate{config, w}.run();
    }
    /// mm2.
    [[nodiscard]] constexpr double area() const { return detail::tiled_area(config); }
};
static_assert(accelerator<tiled>);

} // namespace lutra
