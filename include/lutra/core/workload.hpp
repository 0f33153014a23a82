// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/operation.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/core/result.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string_view>

/// @file
/// What a network asks of hardware. A network emits one and an accelerator consumes one, so that neither knows the other.

namespace lutra {

/// A view of operations in an order that can be executed: an operation depends on earlier ones only.
struct workload {
    std::span<const operation> operations{};
    std::span<const std::uint32_t> dependencies{}; ///< indices into operations; each operation owns a part of them

    /// The indices of the operations that @p op waits for; panics where its part leaves `dependencies`.
    [[nodiscard]] constexpr std::span<const std::uint32_t> dependencies_of(const operation& op) const {
        const std::size_t first = op.first_dependency, count = op.dependency_count, all = dependencies.size();
        require(first <= all && count <= all - first, panic_code::out_of_range,
                "an operation's dependencies leave the workload", static_cast<long long>(first + count),
                static_cast<long long>(all));
        return dependencies.subspan(first, count);
    }
    /// As above, of operation @p index; panics past the last operation.
    [[nodiscard]] constexpr std::span<const std::uint32_t> dependencies_of(std::size_t index) const {
        require(index < operations.size(), panic_code::out_of_range, "an operation past the end of a workload",
                static_cast<long long>(index), static_cast<long long>(operations.size()));
        return dependencies_of(operations[index]);
    }

    /// Multiply-accumulates of the operations that @p selected picks.
    template <std::predicate<const operation&> Predicate>
    [[nodiscard]] constexpr std::uint64_t macs(Predicate selected) const {
        std::uint64_t sum = 0;
        for (const operation& op : operations)
            if (selected(op)) sum += op.macs();
        return sum;
    }
    /// All multiply-accumulates.
    [[nodiscard]] constexpr std::uint64_t macs() const {
        return macs([](const operation&) { return true; });
    }

    /// The power of the multipliers relative to exact ones: the sum over the operations that @p selected picks of
    /// (its MACs / all selected MACs) x its `mac.power`: the measure of TransAxx (2024), which selects linear layers.
    /// Panics (empty) when none of them multiplies.
    template <std::predicate<const operation&> Predicate>
    [[nodiscard]] constexpr double relative_power(Predicate selected) const {
        const std::uint64_t all = macs(selected);
        require(all != 0, panic_code::empty, "relative_power needs at least one operation that multiplies");
        double sum = 0;
        for (const operation& op : operations)
            if (selected(op)) sum += static_cast<double>(op.macs()) * op.mac.power;
        return sum / static_cast<double>(all);
    }
    [[nodiscard]] constexpr double relative_power() const {
        return relative_power([](const operation&) { return true; });
    }
};

/// Builds a workload in memory that the caller provides. Panics (out_of_range) when that is full, and (bad_argument)
/// when a dependency is not an earlier operation.
class workload_builder {
public:
    constexpr workload_builder(std::span<operation> operations, std::span<std::uint32_t> dependencies) noexcept
        : operations_{operations}, dependencies_{dependencies} {}

    /// Appends @p op, which waits for @p depends_on, and returns its index.
    constexpr std::uint32_t add(operation op, std::span<const std::uint32_t> depends_on) {
        require(size_ < operations_.size(), panic_code::out_of_range, "the workload has no room for another operation",
                static_cast<long long>(size_), static_cast<long long>(operations_.size()));
        require(depends_on.size() <= dependencies_.size() - used_, panic_code::out_of_range,
                "the workload has no room for more dependencies", static_cast<long long>(used_ + depends_on.size()),
                static_cast<long long>(dependencies_.size()));
        op.first_dependency = static_cast<std::uint32_t>(used_);
        op.dependency_count = static_cast<std::uint32_t>(depends_on.size());
        for (const std::uint32_t d : depends_on) {
            require(d < size_, panic_code::bad_argument, "an operation may depend on earlier operations only",
                    static_cast<long long>(d), static_cast<long long>(size_));
            dependencies_[used_++] = d;
        }
        operations_[size_] = op;
        return static_cast<std::uint32_t>(size_++);
    }
    constexpr std::uint32_t add(const operation& op, std::initializer_list<std::uint32_t> depends_on = {}) {
        return add(op, std::span{depends_on.begin(), depends_on.size()});
    }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    /// What was added so far; valid as long as the memory is.
    [[nodiscard]] constexpr workload view() const noexcept { return {operations_.first(size_), dependencies_.first(used_)}; }
    constexpr void clear() noexcept { size_ = used_ = 0; }

private:
    template <std::size_t, std::size_t>
    friend class workload_buffer;
    std::span<operation> operations_;
    std::span<std::uint32_t> dependencies_;
    std::size_t size_ = 0, used_ = 0;
};

/// A workload that owns its memory: at most @p MaxOperations, and @p MaxDependencies of them together. A value, usable
/// in constant expressions; panics as `workload_builder` does.
template <std::size_t MaxOperations, std::size_t MaxDependencies = 4 * MaxOperations>
class workload_buffer {
public:
    constexpr std::uint32_t add(const operation& op, std::span<const std::uint32_t> depends_on) {
        workload_builder builder{operations_, dependencies_};
        builder.size_ = size_, builder.used_ = used_;
        const std::uint32_t index = builder.add(op, depends_on);
        size_ = builder.size_, used_ = builder.used_;
        return index;
    }
    constexpr std::uint32_t add(const operation& op, std::initializer_list<std::uint32_t> depends_on = {}) {
        return add(op, std::span{depends_on.begin(), depends_on.size()});
    }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    /// What was added so far; valid as long as this buffer stays where it is.
    [[nodiscard]] constexpr workload view() const& noexcept {
        return {std::span{operations_}.first(size_), std::span{dependencies_}.first(used_)};
    }
    workload view() && = delete;
    constexpr void clear() noexcept { size_ = used_ = 0; }

private:
    std::array<operation, MaxOperations> operations_{};
    std::array<std::uint32_t, MaxDependencies> dependencies_{};
    std::size_t size_ = 0, used_ = 0;
};

namespace detail {
constexpr bool is_share(double x) noexcept { return x >= 0 && x <= 1; }
constexpr bool is_cost(double x) noexcept { return ((x >= 0) & (x <= std::numeric_limits<double>::max())) != 0; }
constexpr bool is_operand(const operand& o) noexcept { // without branches: a search checks its workload at every point
    return ((o.bits >= 0) & (o.bits <= 64) & (o.sparsity >= 0) & (o.sparsity <= 1) & (o.skipped >= 0) & (o.skipped <= 1)) !=
           0;
}
constexpr bool products_fit(const operation& op) noexcept {
    int width = 0; // of the product at most
    for (const std::uint64_t extent : {op.batch, op.m, op.n, op.k}) width += static_cast<int>(std::bit_width(extent));
    if (width <= 64) return true;
    std::uint64_t product = 1;
    for (const std::uint64_t extent : {op.batch, op.m, op.n, op.k}) {
        if (extent > 1 && product > std::numeric_limits<std::uint64_t>::max() / extent) return false;
        product *= extent == 0 ? 1 : extent;
    }
    return true;
}
} // namespace detail

/// Checks a workload that comes from elsewhere: each operation's dependencies lie inside and are earlier operations
/// (mismatch), its products fit 64 bits (wrong_size), bits are 0 to 64, shares in [0, 1], costs finite and not
/// negative (malformed). The error names the first operation at fault.
[[nodiscard]] constexpr status validate(const workload& w) {
    for (std::size_t i = 0; i < w.operations.size(); ++i) {
        const operation& op = w.operations[i];
        const auto fault = [&](error_code code, std::string_view what) {
            return error{code, 0, text<320>{} << "operation " << i << " (" << op.label << ") " << what};
        };
        const std::size_t first = op.first_dependency, count = op.dependency_count, all = w.dependencies.size();
        if (first > all || count > all - first)
            return fault(error_code::mismatch,
                         text<160>{} << "has dependencies up to " << (first + count) << "; expected at most " << all);
        for (const std::uint32_t d : w.dependencies.subspan(first, count))
            if (d >= i)
                return fault(error_code::mismatch,
                             text<160>{} << "depends on operation " << d << "; expected an earlier one");
        if (!detail::products_fit(op))
            return fault(error_code::wrong_size, text<160>{} << "has " << op.batch << " x " << op.m << " x " << op.n << " x "
                                                             << op.k << " products; expected fewer than 2^64");
        for (const operand* const p : {&op.lhs, &op.rhs, &op.out})
            if (const operand& o = *p; !detail::is_operand(o))
                return fault(error_code::malformed,
                             text<160>{} << "has an operand of " << o.bits
                                         << " bits; expected 0 to 64 and shares of zeros and skips in [0, 1]");
        if (!detail::is_cost(op.mac.power) || !detail::is_cost(op.mac.area) || !detail::is_cost(op.mac.delay))
            return fault(error_code::malformed,
                         "has a MAC cost that is negative or not finite; expected power, area and delay >= 0");
    }
    return ok();
}

} // namespace lutra
