// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>

#include <cstddef>
#include <cstdint>

namespace lutra {

/// Sets to zero what @p mask (a byte a weight) drops. What a kernel that skips computes is the same only under a multiplier
/// with f(x, 0) = 0. Panics on different shapes.
template <class T>
constexpr void zero_dropped(matrix_view<const std::uint8_t> mask, matrix_view<T> weights) {
    require(mask.rows() == weights.rows() && mask.cols() == weights.cols(), panic_code::bad_shape,
            "a mask must have a byte for each weight; their numbers of columns follow", static_cast<long long>(mask.cols()),
            static_cast<long long>(weights.cols()));
    for (std::size_t row = 0; row < weights.rows(); ++row)
        for (std::size_t col = 0; col < weights.cols(); ++col)
            if (mask(row, col) == 0) weights(row, col) = T{};
}

/// The share of what @p mask keeps, 0 to 1; 1 where there is nothing.
[[nodiscard]] constexpr double kept_share(matrix_view<const std::uint8_t> mask) noexcept {
    if (mask.empty()) return 1;
    std::size_t kept = 0;
    for (std::size_t row = 0; row < mask.rows(); ++row)
        for (std::size_t col = 0; col < mask.cols(); ++col) kept += mask(row, col) != 0;
    return static_cast<double>(kept) / (static_cast<double>(mask.rows()) * static_cast<double>(mask.cols()));
}

} // namespace lutra
