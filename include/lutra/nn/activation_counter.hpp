// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/sparse/skip_count.hpp>
#include <lutra/nn/observer.hpp>
#include <lutra/nn/vit_config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// What was seen of the activations at one point.
struct activation_counts {
    std::uint64_t matrices = 0, rows = 0, elements = 0;
    std::uint64_t zeros = 0;   ///< elements that are 0
    std::uint64_t skipped = 0; ///< elements whose products were not made and whose weights they did not ask for

    /// The share of zeros, in [0, 1]; 0 where nothing was seen.
    [[nodiscard]] constexpr double sparsity() const noexcept { return share(zeros); }
    [[nodiscard]] constexpr double skipped_share() const noexcept { return share(skipped); }
    constexpr activation_counts& operator+=(const activation_counts& o) noexcept {
        matrices += o.matrices, rows += o.rows, elements += o.elements, zeros += o.zeros, skipped += o.skipped;
        return *this;
    }
    friend constexpr bool operator==(const activation_counts&, const activation_counts&) = default;

private:
    [[nodiscard]] constexpr double share(std::uint64_t of) const noexcept {
        return elements == 0 ? 0 : static_cast<double>(of) / static_cast<double>(elements);
    }
};

/// The observer that counts: for each block and point the elements and which of them are zero, over as many passes as it
/// watches. It points into memory of the caller.
///
/// @code
/// std::vector<lutra::activation_counts> memory(lutra::activation_counter::size(config));
/// lutra::activation_counter counter{config, memory};
/// vit.forward(images, logits, scratch, counter);
/// const double zeros = counter.at(0, lutra::activation_point::hidden).sparsity();
/// @endcode
class activation_counter {
public:
    [[nodiscard]] static constexpr std::size_t size(const vit_config& c) noexcept {
        return activation_point_count * c.depth;
    }
    /// Starts from what @p memory holds: `size(config)` counts, else panics.
    constexpr activation_counter(const vit_config& c, std::span<activation_counts> memory) : counts_{memory} {
        require(memory.size() == size(c), panic_code::bad_shape, "an activation_counter needs one count a block and point",
                static_cast<long long>(memory.size()), static_cast<long long>(size(c)));
    }

    template <class T>
    void activation(std::size_t layer, activation_point p, matrix_view<const T> x) const {
        activation_counts seen{.matrices = 1, .rows = x.rows(), .elements = x.rows() * x.cols()};
        for (std::size_t r = 0; r < x.rows(); ++r) seen.zeros += count_zeros(x.row(r));
        slot(layer, p) += seen;
    }
    constexpr void skipped(std::size_t layer, activation_point p, const skip_count& counted) const {
        if (counted.skipped) slot(layer, p).skipped += counted.zeros;
    }

    [[nodiscard]] constexpr const activation_counts& at(std::size_t layer, activation_point p) const {
        return slot(layer, p);
    }
    /// Of @p p in all blocks.
    [[nodiscard]] constexpr activation_counts total(activation_point p) const {
        activation_counts sum;
        for (std::size_t layer = 0; layer < counts_.size() / activation_point_count; ++layer) sum += slot(layer, p);
        return sum;
    }
    /// Of all that DynaTran prunes, in all blocks: the sparsity of its curves.
    [[nodiscard]] constexpr activation_counts total_pruned() const {
        activation_counts sum;
        for (std::size_t p = 0; p < activation_point_count; ++p)
            if (is_pruned_at(static_cast<activation_point>(p))) sum += total(static_cast<activation_point>(p));
        return sum;
    }

private:
    [[nodiscard]] constexpr activation_counts& slot(std::size_t layer, activation_point p) const {
        const std::size_t i = layer * activation_point_count + static_cast<std::size_t>(p);
        require(i < counts_.size(), panic_code::out_of_range, "an activation of a block past the last one",
                static_cast<long long>(layer), static_cast<long long>(counts_.size() / activation_point_count));
        return counts_[i];
    }

    std::span<activation_counts> counts_;
};
static_assert(activation_observer<activation_counter>);

} // namespace lutra
