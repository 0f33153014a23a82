// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/accelerator/tiled_event.hpp keeps queues on the heap: use it on a host, and tiled::simulate elsewhere."
#endif

#include <lutra/accelerator/concept.hpp>
#include <lutra/accelerator/detail/unit_pool.hpp>
#include <lutra/accelerator/memory_moves.hpp>
#include <lutra/accelerator/tiled_operation.hpp>
#include <lutra/core/workload.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace lutra {

/// What a tiled accelerator is doing in one cycle.
struct tiled_sample {
    std::uint64_t cycle = 0;
    std::uint64_t lanes = 0, softmax = 0, layer_norm = 0;       ///< units that work
    double activation_bits = 0, weight_bits = 0, mask_bits = 0; ///< in the buffers
};

namespace detail {

/// The tiles of a workload on their way through a tiled accelerator, cycle by cycle; a cycle in which nothing can begin is
/// skipped. Tiles are made when they are issued: memory grows with the operations, time with the tiles.
class tiled_run {
public:
    tiled_run(const tiled_config& c, const workload& w)
        : config_{c},
          geometry_{c},
          work_{w},
          account_{c},
          released_{c.semantics == tiled_semantics::released},
          early_{c.semantics == tiled_semantics::released_mended},
          lanes_{c.all_lanes()},
          softmax_{c.all_softmax()},
          layer_norm_{c.elements},
          held_(c.all_lanes()),
          state_(w.operations.size()),
          consumers_(w.operations.size()),
          last_use_(w.operations.size()) {
        const std::size_t count = w.operations.size();
        for (std::size_t i = 0; i < count; ++i)
            for (const std::uint32_t d : w.dependencies_of(i)) ++consumers_[d];
        arrange();
    }

    template <class Sink>
    result<accelerator_report> run(std::uint64_t every, Sink&& sink) {
        std::uint64_t cycle = 0, sampled = 0;
        while (left_ > 0) {
            for (; every > 0 && sampled < cycle; sampled += every) sink(sample(sampled)); // of the cycles before
            lanes_.retire(cycle);
            softmax_.retire(cycle);
            layer_norm_.retire(cycle);
            bool issued = false;
            fetch_back(cycle, issued);
            if (memory_.at < memory_.groups.size()) {
                const status s = issue_memory(cycle, issued);
                if (!s) return s.error();
            }
            if (compute_.at < compute_.groups.size()) issue_compute(cycle, issued);
            if (issued) {
                ++cycle;
                continue;
            }
            std::uint64_t next = std::min({lanes_.next(), softmax_.next(), layer_norm_.next()});
            for (const buffer* b : {&activation_, &weight_, &mask_})
                if (b->ready > cycle) next = std::min(next, b->ready);
            if (next == never) {
                if (++spills_ > 64 * work_.operations.size() || !spill(cycle)) return stuck();
                continue;
            }
            cycle = std::max(next, cycle + 1);
            if (config_.semantics != tiled_semantics::corrected) cycle += overslept(cycle);
        }
        for (; every > 0 && sampled < end_; sampled += every) sink(sample(sampled));
        accelerator_report r = account_.report(end_);
        r.macs = work_.macs();
        return r;
    }

private:
    struct progress {
        std::uint64_t end = never; ///< the first cycle in which the result can be used
        std::uint64_t tiles = 0;   ///< issued
        tile_position position{};
        bool spilled = false; ///< the tensor has left its buffer and will be needed again
        bool copied = false;  ///< main memory has it
    };
    /// The operations of one stream, in order.
    struct stream {
        std::vector<std::uint32_t> operations;
        std::size_t at = 0;
        [[nodiscard]] bool done() const noexcept { return at == operations.size(); }
    };
    /// Streams side by side, and such groups one after the other.
    struct group {
        std::vector<stream> streams;
        bool heads = false;
    };
    struct sequence {
        std::vector<group> groups;
        std::size_t at = 0;
    };
    struct entry {
        std::uint32_t operation;
        double bits, mask_bits;
    };
    struct buffer {
        double capacity = 0, used = 0;
        std::uint64_t ready = 0;
        std::vector<entry> entries; ///< oldest first
    };
    struct operands { ///< of a lane
        std::uint32_t operation = std::numeric_limits<std::uint32_t>::max();
        tile_position at;
    };

    /// Cycles by which a released simulator wakes up late at @p cycle, at which the last unit becomes idle.
    [[nodiscard]] std::uint64_t overslept(std::uint64_t cycle) const {
        const std::uint64_t idle = std::max({lanes_.last(), softmax_.last(), layer_norm_.last()});
        if (idle != cycle || memory_.at == memory_.groups.size()) return 0;
        std::uint64_t least = never;
        for (const buffer* b : {&activation_, &weight_, &mask_})
            if (b->ready > cycle) least = std::min(least, b->ready - cycle);
        return least == never || least == 1 ? 0 : least;
    }
    void arrange() {
        constexpr double megabyte = 8.0 * 1024 * 1024;
        activation_.capacity = config_.activation_mb * megabyte;
        weight_.capacity = config_.weight_mb * megabyte;
        mask_.capacity = config_.mask_mb * megabyte;
        bool heads = false, first = true;
        for (std::uint32_t i = 0; i < work_.operations.size(); ++i) {
            const operation& op = work_.operations[i];
            if (first || heads != (op.stream != 0)) {
                memory_.groups.emplace_back();
                compute_.groups.emplace_back();
                heads = op.stream != 0;
                memory_.groups.back().heads = compute_.groups.back().heads = heads;
                first = false;
            }
            auto& streams = (is_move(op) ? memory_ : compute_).groups.back().streams;
            const std::size_t which = heads ? op.stream - 1 : 0;
            if (streams.size() <= which) streams.resize(which + 1);
            streams[which].operations.push_back(i);
            ++left_;
        }
        for (sequence* s : {&memory_, &compute_}) skip_finished(*s);
    }
    static void skip_finished(sequence& s) {
        while (s.at < s.groups.size() && std::all_of(s.groups[s.at].streams.begin(), s.groups[s.at].streams.end(),
                                                     [](const stream& x) { return x.done(); }))
            ++s.at;
    }
    [[nodiscard]] bool depends_on_nothing_open(std::uint32_t i, std::uint64_t cycle) const {
        for (const std::uint32_t d : work_.dependencies_of(i))
            if (state_[d].end > cycle || state_[d].spilled) return false;
        return true;
    }
    void finish(std::uint32_t i, std::uint64_t end) {
        state_[i].end = end;
        end_ = std::max(end_, end);
        account_.ended(work_.operations[i].pass, static_cast<double>(end));
        --left_;
        for (const std::uint32_t d : work_.dependencies_of(i)) {
            --consumers_[d];
            last_use_[d] = std::max(last_use_[d], end);
        }
    }

    /// Streams in the order in which they may go: the lagging first, or as they are.
    std::span<const std::size_t> in_order(const group& g, bool lagging_first) {
        order_.clear();
        for (std::size_t s = 0; s < g.streams.size(); ++s)
            if (!g.streams[s].done()) order_.push_back(s);
        if (lagging_first && order_.size() > 1)
            std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
                return g.streams[a].at < g.streams[b].at || (g.streams[a].at == g.streams[b].at && a < b);
            });
        return order_;
    }

    status issue_memory(std::uint64_t cycle, bool& issued) {
        group& g = memory_.groups[memory_.at];
        for (const std::size_t which : in_order(g, true)) {
            stream& s = g.streams[which];
            const std::uint32_t i = s.operations[s.at];
            const tiled_transfer t = tiled_transfer::of(work_.operations[i], geometry_);
            buffer& to = buffer_of(t.cls);
            for (const auto& [b, bits, name] : {fit{&to, t.bits, "its"}, fit{&mask_, t.mask_bits, "the mask"}})
                if (bits > b->capacity) return too_large(i, bits, b->capacity, name);
            if (to.ready > cycle || mask_.ready > cycle) continue;
            if (!depends_on_nothing_open(i, cycle) || !make_room(to, t, cycle)) continue;
            keep(i, t, to, cycle);
            finish(i, cycle + t.cycles);
            ++s.at;
            issued = true;
        }
        skip_finished(memory_);
        return ok();
    }
    buffer& buffer_of(tensor_class cls) noexcept {
        return cls == tensor_class::weight ? weight_ : cls == tensor_class::mask ? mask_ : activation_;
    }
    /// Keeps the result of transfer @p i in @p to, which it enters in @p cycle.
    void keep(std::uint32_t i, const tiled_transfer& t, buffer& to, std::uint64_t cycle) {
        to.entries.push_back({i, t.bits, t.mask_bits});
        to.used += t.bits;
        mask_.used += t.mask_bits;
        to.ready = cycle + t.cycles;
        mask_.ready = cycle + t.mask_cycles;
        account_.transfer(t);
    }
    /// The computations that are next, of all streams.
    template <class Use>
    void for_each_next(Use&& use) {
        if (compute_.at == compute_.groups.size()) return;
        for (const stream& s : compute_.groups[compute_.at].streams)
            if (!s.done()) use(s.operations[s.at]);
    }
    /// Brings tensors that have left their buffer back for the computations that are next.
    void fetch_back(std::uint64_t cycle, bool& issued) {
        if (spilled_ == 0) return;
        for_each_next([&](std::uint32_t i) {
            for (const std::uint32_t d : work_.dependencies_of(i)) {
                if (!state_[d].spilled) continue;
                const tiled_transfer t = round_trip(work_.operations[d], work_.operations[i].pass);
                buffer& to = buffer_of(t.cls);
                if (to.ready > cycle || mask_.ready > cycle || !make_room(to, t, cycle)) continue;
                keep(d, t, to, cycle);
                state_[d].end = cycle + t.cycles;
                state_[d].spilled = false;
                --spilled_;
                issued = true;
            }
        });
    }
    /// Where nothing goes on any more for want of room: sends the tensor that is needed last to main memory, but none that a
    /// next computation reads. False where there is none.
    bool spill(std::uint64_t cycle) {
        std::vector<bool> needed(state_.size());
        for_each_next([&](std::uint32_t i) {
            for (const std::uint32_t d : work_.dependencies_of(i)) needed[d] = true;
        });
        std::vector<std::uint32_t> next_use(state_.size(), std::numeric_limits<std::uint32_t>::max());
        for (auto i = static_cast<std::uint32_t>(state_.size()); i-- > 0;)
            if (state_[i].end == never)
                for (const std::uint32_t d : work_.dependencies_of(i)) next_use[d] = i;
        buffer* from = nullptr;
        std::size_t which = 0;
        for (buffer* b : {&activation_, &weight_})
            for (std::size_t e = 0; e < b->entries.size(); ++e) {
                const std::uint32_t i = b->entries[e].operation;
                if (needed[i] || b->entries[e].bits + b->entries[e].mask_bits <= 0) continue;
                if (from == nullptr || next_use[i] > next_use[from->entries[which].operation]) from = b, which = e;
            }
        if (from == nullptr) return false;
        const entry gone = from->entries[which];
        from->entries.erase(from->entries.begin() + static_cast<std::ptrdiff_t>(which));
        from->used -= gone.bits;
        mask_.used -= gone.mask_bits;
        progress& p = state_[gone.operation];
        const operation& op = work_.operations[gone.operation];
        const bool there = op.kind == operation_kind::load || tiled_transfer::of(op, geometry_).written; // already
        if (!p.copied && !there) {
            tiled_transfer t = round_trip(op, op.pass);
            t.written = true;
            account_.transfer(t);
            from->ready = std::max(from->ready, cycle) + t.cycles;
            mask_.ready = std::max(mask_.ready, cycle) + t.mask_cycles;
        }
        p.copied = true;
        if (next_use[gone.operation] == std::numeric_limits<std::uint32_t>::max()) return true;
        p.spilled = true;
        ++spilled_;
        return true;
    }
    /// The result of @p op on its way to main memory or back.
    [[nodiscard]] tiled_transfer round_trip(const operation& op, operation_pass pass) const {
        return tiled_transfer::of(op.out, static_cast<double>(op.elements()), true, tiled_transfer::is_of_weights(op), pass,
                                  geometry_);
    }
    struct fit {
        buffer* in;
        double bits;
        std::string_view name;
    };
    [[nodiscard]] error too_large(std::uint32_t i, double bits, double capacity, std::string_view name) const {
        return {error_code::wrong_size, 0,
                text<320>{} << "operation " << i << " (" << work_.operations[i].label << ") moves "
                            << static_cast<std::uint64_t>(bits) << " bits; expected at most the "
                            << static_cast<std::uint64_t>(capacity) << " of " << name << " buffer"};
    }
    [[nodiscard]] error stuck() const {
        for (const group& g : std::span{memory_.groups}.subspan(std::min(memory_.at, memory_.groups.size())))
            for (const stream& s : g.streams)
                if (!s.done())
                    return {error_code::wrong_size, 0,
                            text<320>{} << "operation " << s.operations[s.at] << " ("
                                        << work_.operations[s.operations[s.at]].label
                                        << ") finds no room beside what is still needed; expected larger buffers"};
        return {error_code::mismatch, 0, "the workload's operations wait for each other; expected loads before their use"};
    }
    /// Whether a transfer fits, once what nobody needs any more has left, oldest first.
    bool make_room(buffer& to, const tiled_transfer& t, std::uint64_t cycle) {
        const auto fits = [&] { return to.used + t.bits <= to.capacity && mask_.used + t.mask_bits <= mask_.capacity; };
        if (fits()) return true;
        for (buffer* b : {&to, &to == &weight_ ? &activation_ : &weight_}) {
            std::size_t kept = 0;
            for (const entry& e : b->entries) {
                if (!fits() && dead(e.operation, cycle)) {
                    b->used -= e.bits;
                    mask_.used -= e.mask_bits;
                } else {
                    b->entries[kept++] = e;
                }
            }
            b->entries.resize(kept);
            if (fits()) return true;
        }
        return false;
    }
    /// A load that nothing waits for (an embedding) stays; all else goes when its last use is over.
    [[nodiscard]] bool dead(std::uint32_t i, std::uint64_t cycle) const {
        const bool kept = work_.operations[i].kind == operation_kind::load && last_use_[i] == 0;
        return consumers_[i] == 0 && !kept && state_[i].end <= cycle && last_use_[i] <= cycle;
    }

    void issue_compute(std::uint64_t cycle, bool& issued) {
        group& g = compute_.groups[compute_.at];
        for (const std::size_t which : in_order(g, config_.schedule == tiled_schedule::equal_priority)) {
            stream& s = g.streams[which];
            const std::uint32_t i = s.operations[s.at];
            if (known_ != i) {
                current_ = tiled_operation::of(work_.operations[i], geometry_);
                known_ = i;
            }
            const tiled_operation& op = current_;
            progress& p = state_[i];
            const std::uint64_t window = std::min<std::uint64_t>(config_.issue, op.tiles - p.tiles);
            const std::uint64_t besides = released_ && !g.heads && op.tiles - p.tiles > window ? 1 : 0;
            unit_pool& pool = op.unit == tiled_unit::lane ? lanes_ : op.unit == tiled_unit::softmax ? softmax_ : layer_norm_;
            if (pool.available() < std::min(window + besides, pool.count())) continue;
            if (!depends_on_nothing_open(i, cycle)) continue;
            const std::uint64_t some = std::min(window, pool.available());
            std::uint64_t end = 0;
            for (std::uint64_t n = 0; n < some; ++n) {
                end = std::max(end, place(op, i, pool, cycle, p.position));
                p.position.advance(op.extents, config_.order);
            }
            for (std::uint64_t n = 0; n < besides && pool.available() > 0; ++n) place(op, i, pool, cycle, p.position);
            p.tiles += some;
            issued = true;
            if (p.tiles < op.tiles) continue;
            account_.issued(op);
            finish(i, end);
            ++s.at;
        }
        skip_finished(compute_);
    }
    /// Issues one tile; returns the first cycle in which its result can be used.
    std::uint64_t place(const tiled_operation& op, std::uint32_t i, unit_pool& pool, std::uint64_t cycle,
                        const tile_position& at) {
        if (op.unit != tiled_unit::lane) {
            const std::uint64_t end = cycle + op.work + 1;
            if (released_ && op.unit == tiled_unit::softmax) {
                const std::uint64_t first = pool.lowest() / config_.softmax * config_.softmax;
                account_.tiles(op, pool.take_all(first, config_.softmax, end, op.work), 0, 0, op.work);
            } else {
                pool.take(end, op.work);
                account_.tiles(op, 1, 0, 0, op.work);
            }
            return end;
        }
        const std::uint64_t unit = pool.lowest();
        operands& held = held_[unit];
        bool lhs = true, rhs = op.product;
        if (op.product && held.operation == i) {
            lhs = !at.shares_lhs(held.at);
            rhs = !at.shares_rhs(held.at);
        }
        held = {op.product ? i : std::numeric_limits<std::uint32_t>::max(), at};
        const std::uint64_t fill = (lhs + rhs) * op.fill;
        const std::uint64_t busy = released_ ? op.work : std::max(op.work, fill);
        pool.take(cycle + busy + 1, busy);
        account_.tiles(op, 1, lhs, rhs, busy);
        return cycle + (early_ ? 2 : busy + 1);
    }

    [[nodiscard]] tiled_sample sample(std::uint64_t cycle) const {
        return {cycle,
                lanes_.count() - lanes_.available(),
                softmax_.count() - softmax_.available(),
                layer_norm_.count() - layer_norm_.available(),
                activation_.used,
                weight_.used,
                mask_.used};
    }

    const tiled_config& config_;
    tiled_geometry geometry_;
    workload work_;
    tiled_account account_;
    bool released_, early_;
    unit_pool lanes_, softmax_, layer_norm_;
    std::vector<operands> held_;
    std::vector<progress> state_;
    std::vector<std::uint32_t> consumers_; ///< that are not yet issued
    std::vector<std::uint64_t> last_use_;
    sequence memory_, compute_;
    buffer activation_, weight_, mask_;
    std::vector<std::size_t> order_;
    tiled_operation current_;
    std::uint32_t known_ = std::numeric_limits<std::uint32_t>::max();
    std::uint64_t end_ = 0;
    std::size_t left_ = 0, spilled_ = 0, spills_ = 0;
};

/// Calls @p use with @p w and its transfers.
template <class Use>
auto with_moves(const workload& w, Use&& use) {
    if (has_memory_moves(w)) return use(w);
    std::vector<operation> operations(moves_operation_count(w));
    std::vector<std::uint32_t> dependencies(moves_dependency_count(w)), where(2 * w.operations.size());
    workload_builder out{operations, dependencies};
    return use(add_memory_moves(w, where, out));
}

} // namespace detail

/// `tiled` by scheduling every tile: exact, and as slow as there are many. An operation issues its tiles in the loop order
/// of the configuration, `issue` of them a cycle, to the lowest free units; loads and stores take their buffer and the mask
/// buffer. Operations of one stream start in order, each when what it depends on is done. A tensor leaves its buffer when
/// nothing needs it any more; where nothing could go on for want of room, the one that is needed last goes to main memory
/// and comes back for its use.
///
/// @code
/// const lutra::tiled_event machine{lutra::acceltran_edge};
/// const auto report = machine.simulate(workload, 1000, [](const lutra::tiled_sample& s) { plot(s.cycle, s.lanes); });
/// @endcode
struct tiled_event {
    static constexpr std::string_view name = "tiled_event";
    tiled_config config = acceltran_edge;

    /// An error where the configuration is wrong, or a tensor does not fit its buffer, alone or beside what is still needed.
    [[nodiscard]] result<accelerator_report> simulate(const workload& w) const {
        return simulate(w, 0, [](const tiled_sample&) {});
    }
    /// The same; tells @p sink (of a tiled_sample) of each @p every th cycle, 0: of none.
    template <class Sink>
    [[nodiscard]] result<accelerator_report> simulate(const workload& w, std::uint64_t every, Sink&& sink) const {
        if (const status s = validate(config); !s) return s.error();
        if (const status s = validate(w); !s) return s.error();
        constexpr double most = 1e10;
        double tiles = 0;
        for (const operation& op : w.operations) tiles += static_cast<double>(detail::tiled_operation::of(op, config).tiles);
        if (tiles > most)
            return error{error_code::wrong_size, 0,
                         text<320>{} << "the workload has " << detail::number_text(tiles)
                                     << " tiles to schedule; expected at most 1e10: use the closed form, tiled"};
        return detail::with_moves(w, [&](const workload& all) -> result<accelerator_report> {
            return detail::tiled_run{config, all}.run(every, sink);
        });
    }
};
static_assert(accelerator<tiled_event>);

} // namespace lutra
