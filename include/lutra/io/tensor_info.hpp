// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/io/detail/message.hpp>
#include <lutra/io/dtype.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace lutra {

/// The sizes of a tensor's dimensions, the slowest first; none for a scalar.
using tensor_shape = std::vector<std::size_t>;

/// What a file says of one tensor.
struct tensor_info {
    dtype type{};
    tensor_shape shape;
    std::uint64_t begin = 0, end = 0; ///< its bytes in the file's data part

    [[nodiscard]] std::size_t elements() const noexcept { return static_cast<std::size_t>(end - begin) / dtype_size(type); }
};

namespace detail {

/// "[64, 49]", of at most eight dimensions.
[[nodiscard]] constexpr text<96> shown_shape(std::span<const std::size_t> shape) noexcept {
    text<96> out{"["};
    for (std::size_t d = 0; d < shape.size() && d < 8; ++d) {
        if (d > 0) out << ", ";
        out << shape[d];
    }
    return out << (shape.size() > 8 ? ", ...]" : "]");
}

/// The bytes that @p shape of @p type takes; nothing where 64 bits cannot count them. A zero among the dimensions does not
/// excuse the others, so that the answer does not depend on their order.
[[nodiscard]] constexpr std::optional<std::uint64_t> tensor_bytes(std::span<const std::size_t> shape, dtype type) noexcept {
    std::uint64_t bytes = dtype_size(type);
    bool empty = false;
    for (const std::uint64_t size : shape) {
        if (size != 0 && bytes > ~std::uint64_t{0} / size) return std::nullopt;
        empty |= size == 0;
        bytes *= size == 0 ? 1 : size;
    }
    return empty ? 0 : bytes;
}

} // namespace detail
} // namespace lutra
