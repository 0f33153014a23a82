// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm.hpp>

#include "gemm/shapes.hpp"

#include <cstdint>
#include <span>
#include <vector>

/// @file
/// lutra's side of each comparison: B is packed before, A is taken as it lies in memory; a call is one product.

namespace bench {

/// int8 x int8 -> int32 under any multiplier.
class own_int8 {
public:
    own_int8(gemm_shape s, const lutra::lowered_multiplier& m, lutra::isa instructions = lutra::best_isa())
        : shape_{s},
          a_{random_values<std::int8_t>(s.m * s.k, 1)},
          b_{random_values<std::int8_t>(s.k * s.n, 2)},
          c_(s.m * s.n),
          packed_memory_{lutra::packed_b_bytes(m, s.k, s.n, instructions)},
          scratch_memory_{lutra::int8_gemm_scratch_bytes(m, s.m, s.k, s.n, instructions)},
          packed_{lutra::pack_b(lutra::matrix_view<const std::int8_t>{b_.data(), s.k, s.n}, m, packed_memory_.bytes(),
                                instructions)} {}

    void operator()() {
        lutra::arena scratch{scratch_memory_.bytes()};
        lutra::gemm(lutra::matrix_view<const std::int8_t>{a_.data(), shape_.m, shape_.k}, packed_, scratch,
                    lutra::store_sums{lutra::matrix_view{c_.data(), shape_.m, shape_.n}});
    }
    [[nodiscard]] std::span<const std::int32_t> result() const { return c_; }

private:
    gemm_shape shape_;
    std::vector<std::int8_t> a_, b_;
    std::vector<std::int32_t> c_;
    lutra::arena_memory packed_memory_, scratch_memory_;
    lutra::packed_int8_b packed_;
};

/// float x float -> float.
class own_float {
public:
    explicit own_float(gemm_shape s)
        : shape_{s},
          a_{random_values<float>(s.m * s.k, 1)},
          b_{random_values<float>(s.k * s.n, 2)},
          c_(s.m * s.n),
          memory_{lutra::packed_b_floats(s.k, s.n) * sizeof(float)},
          arena_{memory_.bytes()},
          packed_{lutra::pack_b(lutra::matrix_view<const float>{b_.data(), s.k, s.n},
                                arena_.take<float>(lutra::packed_b_floats(s.k, s.n)))} {}

    void operator()() {
        lutra::gemm(lutra::matrix_view<const float>{a_.data(), shape_.m, shape_.k}, packed_,
                    lutra::matrix_view{c_.data(), shape_.m, shape_.n});
    }
    [[nodiscard]] std::span<const float> result() const { return c_; }

private:
    gemm_shape shape_;
    std::vector<float> a_, b_, c_;
    lutra::arena_memory memory_;
    lutra::arena arena_;
    lutra::packed_float_b packed_;
};

} // namespace bench
