// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>

namespace lutra::detail::mul {

/// Where the 65,536 entries of a table are, and how each is stored.
struct table_layout {
    std::size_t offset = 0, item_size = 2;
    bool is_signed = true, big_endian = false, columns_first = false;
};

} // namespace lutra::detail::mul
