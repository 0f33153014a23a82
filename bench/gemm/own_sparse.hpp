// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/nn/int8_low_rank.hpp>
#include <lutra/prune.hpp>

#include "gemm/shapes.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

/// @file
/// Sparse products as own.hpp has dense ones: B is packed before; a call is one product.

namespace bench {

/// Weights (outputs x inputs) and their mask by magnitude.
template <class T>
struct pruned_weights {
    gemm_shape shape;
    std::vector<T> values;
    std::vector<std::uint8_t> mask, tiles{};

    explicit pruned_weights(gemm_shape s) : shape{s}, values{random_values<T>(s.n * s.k, 2)}, mask(s.n * s.k) {}

    [[nodiscard]] lutra::matrix_view<const T> weights() const { return {values.data(), shape.n, shape.k}; }
    [[nodiscard]] lutra::matrix_view<std::uint8_t> kept() { return {mask.data(), shape.n, shape.k}; }
    /// The mask of half of all tiles; of single weights it is in kept().
    [[nodiscard]] lutra::matrix_view<std::uint8_t> blocks(lutra::block_shape tile) {
        tiles.resize(tile.rows(shape.n) * tile.cols(shape.k));
        const lutra::matrix_view view{tiles.data(), tile.rows(shape.n), tile.cols(shape.k)};
        const lutra::arena_memory memory{lutra::block_mask_scratch_bytes(shape.n, shape.k, tile)};
        lutra::arena scratch{memory.bytes()};
        lutra::block_mask(weights(), tile, 0.5, view, scratch);
        lutra::expand_block_mask(view, tile, kept());
        return view;
    }
};

/// What an int8 product of any kind of weights reads and writes besides them.
class int8_operands {
public:
    explicit int8_operands(gemm_shape s) : shape_{s}, a_{random_values<std::int8_t>(s.m * s.k, 1)}, c_(s.m * s.n) {}

    [[nodiscard]] lutra::matrix_view<const std::int8_t> a() const { return {a_.data(), shape_.m, shape_.k}; }
    [[nodiscard]] lutra::store_sums sums() { return {{c_.data(), shape_.m, shape_.n}}; }

private:
    gemm_shape shape_;
    std::vector<std::int8_t> a_;
    std::vector<std::int32_t> c_;
};

/// int8 x int8 -> int32 with N of M weights an output, each output its own.
class own_n_m {
public:
    own_n_m(gemm_shape s, lutra::n_m pattern)
        : operands_{s},
          packed_memory_{lutra::packed_n_m_bytes(exact_, pattern, s.k, s.n)},
          scratch_memory_{lutra::n_m_gemm_scratch_bytes(exact_, s.m, s.k)} {
        pruned_weights<std::int8_t> w{s};
        lutra::n_m_mask(w.weights(), pattern, w.kept());
        packed_ = lutra::pack_n_m(transposed(w.weights()), transposed(w.kept()), pattern, exact_, packed_memory_.bytes());
    }
    void operator()() {
        lutra::arena scratch{scratch_memory_.bytes()};
        lutra::gemm(operands_.a(), packed_, scratch, operands_.sums());
    }

private:
    lutra::lowered_multiplier exact_ = lutra::lower(lutra::exact{});
    int8_operands operands_;
    lutra::arena_memory packed_memory_, scratch_memory_;
    lutra::packed_n_m packed_;
};

/// Outputs that share which inputs they keep: of T = int8 with int32 sums, or of T = float.
template <class T>
class own_shared {
public:
    /// N:M that @p outputs neighbours share.
    own_shared(gemm_shape s, lutra::n_m pattern, std::size_t outputs) : own_shared(s) {
        pruned_weights<T> w{s};
        lutra::n_m_mask(w.weights(), pattern, w.kept(), outputs);
        const auto b = transposed(w.weights());
        const auto kept = transposed(w.kept());
        if constexpr (integers) {
            packed_memory_ = lutra::arena_memory{lutra::packed_shared_bytes(kept, outputs, exact_)};
            packed_ = lutra::pack_shared(b, kept, outputs, exact_, packed_memory_.bytes());
        } else {
            packed_memory_ = lutra::arena_memory{lutra::packed_shared_float_bytes(kept, outputs)};
            packed_ = lutra::pack_shared(b, kept, outputs, packed_memory_.bytes());
        }
    }
    /// Half of all tiles.
    own_shared(gemm_shape s, lutra::block_shape tile) : own_shared(s) {
        pruned_weights<T> w{s};
        const auto blocks = transposed(w.blocks(tile));
        const auto b = transposed(w.weights());
        if constexpr (integers) {
            packed_memory_ = lutra::arena_memory{lutra::packed_blocks_bytes(blocks, tile, s.k, s.n, exact_)};
            packed_ = lutra::pack_blocks(b, blocks, tile, exact_, packed_memory_.bytes());
        } else {
            packed_memory_ = lutra::arena_memory{lutra::packed_float_blocks_bytes(blocks, tile, s.k, s.n)};
            packed_ = lutra::pack_blocks(b, blocks, tile, packed_memory_.bytes());
        }
    }
    void operator()() {
        lutra::arena scratch{scratch_memory_.bytes()};
        const lutra::matrix_view<const T> a{a_.data(), shape_.m, shape_.k};
        const lutra::matrix_view c{c_.data(), shape_.m, shape_.n};
        if constexpr (integers)
            lutra::gemm(a, packed_, scratch, lutra::store_sums{c});
        else
            lutra::gemm(a, packed_, c, scratch);
    }

private:
    static constexpr bool integers = std::integral<T>;

    explicit own_shared(gemm_shape s)
        : shape_{s}, a_{random_values<T>(s.m * s.k, 1)}, c_(s.m * s.n), scratch_memory_{scratch_bytes()} {}
    [[nodiscard]] std::size_t scratch_bytes() const {
        if constexpr (integers) return lutra::shared_gemm_scratch_bytes(exact_, shape_.m, shape_.k);
        return lutra::shared_float_scratch_bytes(shape_.k);
    }

    gemm_shape shape_;
    lutra::lowered_multiplier exact_ = lutra::lower(lutra::exact{});
    std::vector<T> a_;
    std::vector<std::conditional_t<integers, std::int32_t, float>> c_;
    lutra::arena_memory packed_memory_, scratch_memory_;
    std::conditional_t<integers, lutra::packed_shared_b, lutra::packed_shared_float_b> packed_;
};

/// Weights of the rank that makes half of the products, in int8 with int32 sums.
class own_thin_int8 {
public:
    explicit own_thin_int8(gemm_shape s)
        : operands_{s}, scratch_memory_{lutra::int8_low_rank::scratch_bytes(exact_, s.m, s.k, s.n)} {
        const std::size_t rank = lutra::rank_for_macs(s.n, s.k, 0.5);
        const auto w = random_values<float>(s.n * s.k, 2);
        std::vector<float> scale(s.n);
        packed_memory_ = lutra::arena_memory{lutra::int8_low_rank::bytes(exact_, s.n, s.k, rank) +
                                             lutra::int8_low_rank::make_scratch_bytes(s.n, s.k, rank)};
        lutra::arena memory{packed_memory_.bytes()};
        packed_ = lutra::int8_low_rank::make({w.data(), s.n, s.k}, rank, 1, true, exact_, scale, memory);
    }
    void operator()() {
        lutra::arena scratch{scratch_memory_.bytes()};
        packed_.multiply(operands_.a(), scratch, operands_.sums());
    }

private:
    lutra::lowered_multiplier exact_ = lutra::lower(lutra::exact{});
    int8_operands operands_;
    lutra::arena_memory packed_memory_, scratch_memory_;
    lutra::int8_low_rank packed_;
};

} // namespace bench
