// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/arch/pick_avx2.hpp>
#include <lutra/gemm/arch/pick_avx512.hpp>
#include <lutra/gemm/arch/pick_neon.hpp>
#include <lutra/gemm/arch/pick_scalar.hpp>
#include <lutra/gemm/arch/pick_vnni.hpp>
#include <lutra/gemm/detail/no_overlap.hpp>
#include <lutra/gemm/detail/panel_gemm.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// What the sparse products share.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Calls f(Tile{}) with the tile of @p instructions that picks: of 8-bit lanes where @p narrow says that factors fit them
/// and there is one, else of 16-bit lanes.
template <class F>
constexpr decltype(auto) with_pick_tile(isa instructions, [[maybe_unused]] bool narrow, F&& f) {
    switch (instructions) {
#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VL__))
    #if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__)
    case isa::avx512vbmi:
    case isa::avx512vnni:
        if (narrow) return f(pick_avx512vnni{});
        return f(pick_avx512{});
    #endif
    case isa::avx512bw: return f(pick_avx512{});
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #if LUTRA_RUNTIME_DISPATCH || defined(__AVXVNNI__)
    case isa::avx_vnni:
        if (narrow) return f(pick_avx_vnni{});
        return f(pick_avx2{});
    #endif
    case isa::avx2: return f(pick_avx2{});
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
    #if defined(__ARM_FEATURE_DOTPROD)
    case isa::neon_dot:
        if (narrow) return f(pick_neon_dot{});
        return f(pick_neon{});
    #endif
    case isa::neon: return f(pick_neon{});
#endif
    default: return f(pick_scalar{});
    }
}

/// Panics unless the products of @p m are sums of mapped factors: a table has no kernel that skips.
constexpr void require_separable(const lowered_multiplier& m) {
    require(m.kind == plan_kind::exact || m.kind == plan_kind::separable, panic_code::unsupported,
            "gemm: sparse products need an exact or a separable plan: see lowered_multiplier::with_plan",
            static_cast<long long>(m.kind), static_cast<long long>(plan_kind::separable));
}

/// Panics unless @p memory holds @p need bytes on a 4-byte boundary, apart from an operand.
inline void require_packing_memory(std::span<const std::byte> memory, std::size_t need,
                                   const lutra::detail::memory_footprint& operand) {
    const auto at = reinterpret_cast<std::uintptr_t>(memory.data());
    require(memory.size() >= need, panic_code::arena_too_small, "the memory for a packed sparse operand is too small",
            static_cast<long long>(memory.size()), static_cast<long long>(need));
    require(at % alignof(std::int32_t) == 0, panic_code::misaligned,
            "the memory for a packed sparse operand must start on a 4-byte boundary");
    lutra::detail::require_apart({at, 1, need, 0}, operand);
}

/// The weights' map of a term in 16 bits, its scale taken in; the identity without one.
inline void rhs_map(const lowered_multiplier& m, std::size_t term, bool scaled, std::int16_t (&map)[256]) noexcept {
    for (std::size_t x = 0; x < 256; ++x)
        map[x] = m.rhs_factors == nullptr
                     ? std::int16_t{static_cast<std::int8_t>(x)}
                     : static_cast<std::int16_t>(m.rhs_factors[term * 256 + x] << (scaled ? m.shifts[term] : 0));
}

/// Has `fill(to, stride)` write a tile of sums, into the output of @p sink itself where that may be, or else into @p buffer,
/// from which the sink takes them. @p width: the columns that are written, of which @p columns are wanted.
template <class Fill>
void give_tile(const lutra::detail::sum_sink& sink, std::size_t row, std::size_t rows, std::size_t first,
               std::size_t columns, std::size_t width, std::int32_t* buffer, Fill&& fill) {
    if (sink.keeps() && columns == width) {
        const matrix_view<std::int32_t> at = sink.place(row, first, rows, columns);
        fill(at.data(), at.stride());
        return;
    }
    fill(buffer, width);
    sink.block(row, first, {buffer, rows, columns, width});
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
