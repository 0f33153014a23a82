// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra::detail {

/// Hands a block of sums whose first is that of (@p row, @p first) to @p use: as a whole if it takes blocks, else by rows.
template <class Use>
void give_block(Use&& use, std::size_t row, std::size_t first, const matrix_view<const std::int32_t>& sums) {
    if constexpr (requires { use.block(row, first, sums); })
        use.block(row, first, sums);
    else
        for (std::size_t r = 0; r < sums.rows(); ++r) use(row + r, first, sums.row(r));
}

/// Where the sums of an integer product go: a caller's `use` of any type behind two functions, so that the kernels are
/// compiled once for all of them. It refers to the `use` and must not outlive it.
class sum_sink {
public:
    template <class Use>
    requires(!std::same_as<Use, sum_sink>) explicit sum_sink(Use& use) noexcept
        : use_{const_cast<void*>(static_cast<const void*>(&use))}, block_{&pass_on<Use>} {
        if constexpr (places<Use>) place_ = &find_place<Use>;
    }

    /// A block of sums whose first is that of (@p row, @p first).
    void block(std::size_t row, std::size_t first, const matrix_view<const std::int32_t>& sums) const {
        block_(use_, row, first, sums);
    }
    /// A piece of a row.
    void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        block_(use_, row, first, {sums.data(), 1, sums.size()});
    }
    /// Whether the `use` only keeps sums, so that a kernel may put them where `place` says, and need not give them.
    [[nodiscard]] bool keeps() const noexcept { return place_ != nullptr; }
    [[nodiscard]] matrix_view<std::int32_t> place(std::size_t row, std::size_t first, std::size_t rows,
                                                  std::size_t cols) const {
        return place_(use_, row, first, rows, cols);
    }

private:
    template <class Use>
    static constexpr bool places = requires(Use& use, std::size_t n) {
        { use.place(n, n, n, n) } -> std::same_as<matrix_view<std::int32_t>>;
    };
    template <class Use>
    static void pass_on(void* use, std::size_t row, std::size_t first, const matrix_view<const std::int32_t>& sums) {
        give_block(*static_cast<Use*>(use), row, first, sums);
    }
    template <class Use>
    static matrix_view<std::int32_t> find_place(void* use, std::size_t row, std::size_t first, std::size_t rows,
                                                std::size_t cols) {
        return static_cast<Use*>(use)->place(row, first, rows, cols);
    }

    void* use_;
    void (*block_)(void*, std::size_t, std::size_t, const matrix_view<const std::int32_t>&);
    matrix_view<std::int32_t> (*place_)(void*, std::size_t, std::size_t, std::size_t, std::size_t) = nullptr;
};

} // namespace lutra::detail
