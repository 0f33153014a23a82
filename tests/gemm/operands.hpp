// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/random.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/gemm/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// How an operand lies in memory.
enum class layout { dense, strided, transposed, strided_transposed };
inline constexpr layout layouts[]{layout::dense, layout::strided, layout::transposed, layout::strided_transposed};

/// A rows x cols operand on the heap that ends where its memory ends, so that AddressSanitizer sees any read past it;
/// strided ones start one element behind an allocation's boundary.
template <class T>
class test_operand {
public:
    template <class Fill>
    test_operand(std::size_t rows, std::size_t cols, layout how, Fill fill) {
        const bool turned = how == layout::transposed || how == layout::strided_transposed;
        const bool strided = how == layout::strided || how == layout::strided_transposed;
        const std::size_t r = turned ? cols : rows, c = turned ? rows : cols, stride = strided ? c + 3 : c, skip = strided;
        data_.resize(r == 0 || c == 0 ? 0 : skip + (r - 1) * stride + c);
        for (T& x : data_) x = fill();
        const lutra::matrix_view<const T> stored{data_.empty() ? nullptr : data_.data() + skip, r, c, stride};
        view_ = turned ? transposed(stored) : lutra::gemm_operand<T>{stored};
    }
    operator lutra::gemm_operand<T>() const { return view_; }

private:
    std::vector<T> data_;
    lutra::gemm_operand<T> view_;
};

/// Bytes of every kind, or always one of two.
struct byte_source {
    lutra::random_generator random;
    enum { any, only_lowest, extremes } kind = any;

    std::int8_t operator()() {
        const auto x = static_cast<std::int8_t>(random.between(-128, 127));
        return kind == any ? x : kind == only_lowest ? std::int8_t{-128} : x < 0 ? std::int8_t{-128} : std::int8_t{127};
    }
};

/// Bytes of which a share is -128.
struct lowest_source {
    lutra::random_generator random;
    double share;

    std::int8_t operator()() { return static_cast<std::int8_t>(random.unit() < share ? -128 : random.between(-127, 127)); }
};

/// All sums of A B by the definition.
inline std::vector<std::int32_t> reference_product(const lutra::lowered_multiplier& m, lutra::gemm_operand<std::int8_t> a,
                                                   lutra::gemm_operand<std::int8_t> b) {
    std::vector<std::int32_t> c(a.rows * b.cols);
    lutra::gemm_reference(m, a, b, lutra::matrix_view{c.data(), a.rows, b.cols});
    return c;
}

/// All sums of A B by the packed path, with memory of exactly the stated sizes; a sum that comes not once is `bad_count`.
inline constexpr std::int32_t bad_count = 0x7fffffff;
inline std::vector<std::int32_t> packed_product(const lutra::lowered_multiplier& m, lutra::gemm_operand<std::int8_t> a,
                                                lutra::gemm_operand<std::int8_t> b, lutra::isa instructions) {
    const lutra::arena_memory packed{lutra::packed_b_bytes(m, b.rows, b.cols, instructions)};
    const lutra::arena_memory memory{lutra::int8_gemm_scratch_bytes(m, a.rows, b.rows, b.cols, instructions)};
    lutra::arena scratch{memory.bytes()};
    std::vector<std::int32_t> c(a.rows * b.cols), count(c.size());
    const auto use = [&](std::size_t row, std::size_t first, std::span<const std::int32_t> sums) {
        for (std::size_t j = 0; j < sums.size(); ++j) {
            c.at(row * b.cols + first + j) = sums[j];
            ++count.at(row * b.cols + first + j);
        }
    };
    lutra::gemm(a, lutra::pack_b(b, m, packed.bytes(), instructions), scratch, use);
    for (std::size_t i = 0; i < c.size(); ++i)
        if (count[i] != 1) c[i] = bad_count;
    if (scratch.used() != 0) c.push_back(bad_count);
    return c;
}

/// The same by store_sums, into a matrix that is wider than the product.
inline std::vector<std::int32_t> stored_product(const lutra::lowered_multiplier& m, lutra::gemm_operand<std::int8_t> a,
                                                lutra::gemm_operand<std::int8_t> b, lutra::isa instructions) {
    const lutra::arena_memory packed{lutra::packed_b_bytes(m, b.rows, b.cols, instructions)};
    const lutra::arena_memory memory{lutra::int8_gemm_scratch_bytes(m, a.rows, b.rows, b.cols, instructions)};
    lutra::arena scratch{memory.bytes()};
    const std::size_t stride = b.cols + 3;
    std::vector<std::int32_t> wide(a.rows * stride, bad_count), c;
    lutra::gemm(a, lutra::pack_b(b, m, packed.bytes(), instructions), scratch,
                lutra::store_sums{lutra::matrix_view{wide.data(), a.rows, b.cols, stride}});
    for (std::size_t i = 0; i < wide.size(); ++i)
        if (i % stride < b.cols)
            c.push_back(wide[i]);
        else if (wide[i] != bad_count)
            c.push_back(bad_count); // a write beside the product
    return c;
}

/// The instruction sets that this machine can run.
inline std::vector<lutra::isa> usable_isas() {
    std::vector<lutra::isa> all;
    for (const lutra::isa i : lutra::all_isas)
        if (lutra::has_isa(i)) all.push_back(i);
    return all;
}
