// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <type_traits>

namespace lutra {

/// @p product as it is. A compiler may contract a product and the sum that follows into one rounding, and does so by its
/// flags; a product that passes through here is rounded by itself, so that a search among nearly equal real numbers ends
/// alike in g++, clang, a constant expression and on every machine of IEEE 754.
///
/// @code
/// const double error = lutra::unfused(slope * x) + intercept - y;
/// @endcode
[[nodiscard, gnu::always_inline]] constexpr double unfused(double product) noexcept {
    if (!std::is_constant_evaluated()) {
#if defined(__SSE2__)
        asm("" : "+x"(product)); // NOLINT(hicpp-no-assembler): an empty statement that the product has to reach
#elif defined(__aarch64__)
        asm("" : "+w"(product)); // NOLINT(hicpp-no-assembler)
#else
        asm("" : "+m"(product)); // NOLINT(hicpp-no-assembler)
#endif
    }
    return product;
}

} // namespace lutra
