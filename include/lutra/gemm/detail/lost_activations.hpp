// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/detail/lost_factors.hpp>
#include <lutra/gemm/operand.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Where the activations of a tile's rows are -128.
class lost_activations {
public:
    /// Groups that may be found in @p rows rows; and the memory for so many.
    static constexpr std::size_t most(std::size_t rows, std::size_t k) noexcept { return rows * ((k + group - 1) / group); }
    explicit lost_activations(std::span<lost_group> room) noexcept : groups_{room} {}

    /// Finds those of @p a.
    void find(const gemm_operand<std::int8_t>& a) noexcept {
        found_ = 0;
        for_each_lowest(a, [&](std::size_t i, std::size_t k) {
            const auto row = static_cast<std::uint32_t>(i), step = static_cast<std::uint32_t>(k / group);
            if (found_ == 0 || groups_[found_ - 1].row != row || groups_[found_ - 1].step != step)
                groups_[found_++] = {row, step, {}};
            groups_[found_ - 1].which[k % group] = 1;
        });
    }
    [[nodiscard]] std::span<const lost_group> groups() const noexcept { return groups_.first(found_); }

private:
    static constexpr std::size_t group = sizeof(lost_group::which);

    std::span<lost_group> groups_;
    std::size_t found_ = 0;
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
