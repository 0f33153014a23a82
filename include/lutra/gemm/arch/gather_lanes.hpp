// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
    #include <arm_neon.h>
#endif

/// @file
/// Chosen lanes of a row moved together, a register of lanes at a time: what sparse products read of A where columns share
/// the rows of B that they keep. Windows of a row that hold no chosen lane cost nothing.
///
/// A gather is a type with
/// - `window`: the lanes that one entry chooses from, and at most writes;
/// - `bytes`: the size of an entry, whose head is a `gather_head` and whose rest its picks;
/// - `pick(entry, place, i)`: notes that lane i of the window goes to @p place; `picked(entry, place)`: says so;
/// - `run(entries, count, from, from_stride, to, to_stride, rows)`: for each row, the chosen lanes of all entries one after
///   another. It reads up to a window past a row's last lane, and writes up to a window past the last chosen one.
///   Strides are in bytes.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Where a window begins, in lanes, and how many lanes it gives.
struct gather_head {
    std::uint32_t first, count;
};

/// In plain C++.
template <std::size_t Lane>
struct gather_scalar {
    static constexpr std::size_t window = 16 / Lane, bytes = sizeof(gather_head) + 16;

    static constexpr void pick(std::byte* entry, std::size_t place, std::size_t i) noexcept {
        for (std::size_t b = 0; b < Lane; ++b)
            entry[sizeof(gather_head) + place * Lane + b] = static_cast<std::byte>(i * Lane + b);
    }
    [[nodiscard]] static std::size_t picked(const std::byte* entry, std::size_t place) noexcept {
        return static_cast<std::size_t>(entry[sizeof(gather_head) + place * Lane]) / Lane;
    }
    static void run(const std::byte* entries, std::size_t count, const std::byte* from, std::size_t from_stride,
                    std::byte* to, std::size_t to_stride, std::size_t rows) noexcept {
        for (; count > 0; --count, entries += bytes) {
            gather_head head;
            std::memcpy(&head, entries, sizeof head);
            for (std::size_t r = 0; r < rows; ++r)
                for (std::size_t place = 0; place < head.count; ++place)
                    std::memcpy(to + r * to_stride + place * Lane,
                                from + r * from_stride + (head.first + picked(entries, place)) * Lane, Lane);
            to += head.count * Lane;
        }
    }
};

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
/// VPSHUFB in 128 bits.
template <std::size_t Lane>
struct gather_avx2 : gather_scalar<Lane> {
    [[gnu::target("avx2")]] static void run(const std::byte* entries, std::size_t count, const std::byte* from,
                                            std::size_t from_stride, std::byte* to, std::size_t to_stride,
                                            std::size_t rows) noexcept {
        for (; count > 0; --count, entries += gather_scalar<Lane>::bytes) {
            gather_head head;
            std::memcpy(&head, entries, sizeof head);
            const __m128i picks = _mm_loadu_si128(reinterpret_cast<const __m128i*>(entries + sizeof head));
            const std::byte* window = from + head.first * Lane;
            for (std::size_t r = 0; r < rows; ++r) {
                const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(window + r * from_stride));
                _mm_storeu_si128(reinterpret_cast<__m128i*>(to + r * to_stride), _mm_shuffle_epi8(x, picks));
            }
            to += head.count * Lane;
        }
    }
};
#endif

#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VL__))
/// VPERMW or VPERMD in 512 bits.
template <std::size_t Lane>
struct gather_avx512 {
    static_assert(Lane == 2 || Lane == 4);
    static constexpr std::size_t window = 64 / Lane, bytes = sizeof(gather_head) + 64;

    static void pick(std::byte* entry, std::size_t place, std::size_t i) noexcept {
        const auto lane = static_cast<std::uint32_t>(i);
        std::memcpy(entry + sizeof(gather_head) + place * Lane, &lane, Lane); // little-endian, as every x86
    }
    [[nodiscard]] static std::size_t picked(const std::byte* entry, std::size_t place) noexcept {
        std::uint32_t lane = 0;
        std::memcpy(&lane, entry + sizeof(gather_head) + place * Lane, Lane);
        return lane;
    }
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static __m512i move(__m512i picks, const std::byte* from) noexcept {
        const __m512i x = _mm512_loadu_si512(from);
        if constexpr (Lane == 2) return _mm512_permutexvar_epi16(picks, x);
        constexpr __mmask16 all = 0xffff; // g++ 12 warns of the unmasked permute's undefined source
        return _mm512_maskz_permutexvar_epi32(all, picks, x);
    }
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void run(const std::byte* entries, std::size_t count,
                                                                 const std::byte* from, std::size_t from_stride,
                                                                 std::byte* to, std::size_t to_stride,
                                                                 std::size_t rows) noexcept {
        for (; count > 0; --count, entries += bytes) {
            gather_head head;
            std::memcpy(&head, entries, sizeof head);
            const __m512i picks = _mm512_loadu_si512(entries + sizeof head);
            const std::byte* window_at = from + head.first * Lane;
            if (2 * head.count <= window) // half a register does not cross a cache line
                for (std::size_t r = 0; r < rows; ++r)
                    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + r * to_stride),
                                        _mm512_castsi512_si256(move(picks, window_at + r * from_stride)));
            else
                for (std::size_t r = 0; r < rows; ++r)
                    _mm512_storeu_si512(to + r * to_stride, move(picks, window_at + r * from_stride));
            to += head.count * Lane;
        }
    }
};
#endif

#if defined(__ARM_NEON) && defined(__aarch64__)
/// TBL.
template <std::size_t Lane>
struct gather_neon : gather_scalar<Lane> {
    static void run(const std::byte* entries, std::size_t count, const std::byte* from, std::size_t from_stride,
                    std::byte* to, std::size_t to_stride, std::size_t rows) noexcept {
        for (; count > 0; --count, entries += gather_scalar<Lane>::bytes) {
            gather_head head;
            std::memcpy(&head, entries, sizeof head);
            const uint8x16_t picks = vld1q_u8(reinterpret_cast<const std::uint8_t*>(entries + sizeof head));
            const auto* window = reinterpret_cast<const std::uint8_t*>(from + head.first * Lane);
            for (std::size_t r = 0; r < rows; ++r)
                vst1q_u8(reinterpret_cast<std::uint8_t*>(to + r * to_stride),
                         vqtbl1q_u8(vld1q_u8(window + r * from_stride), picks));
            to += head.count * Lane;
        }
    }
};
#endif

/// Calls f(Gather{}) with the gather of @p instructions for lanes of so many bytes.
template <std::size_t Lane, class F>
constexpr decltype(auto) with_gather(isa instructions, F&& f) {
    switch (instructions) {
#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VL__))
    case isa::avx512vbmi:
    case isa::avx512vnni:
    case isa::avx512bw:
        if constexpr (Lane == 1)
            return f(gather_avx2<Lane>{});
        else
            return f(gather_avx512<Lane>{});
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    case isa::avx_vnni:
    case isa::avx2: return f(gather_avx2<Lane>{});
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
    case isa::neon_dot:
    case isa::neon: return f(gather_neon<Lane>{});
#endif
    default: return f(gather_scalar<Lane>{});
    }
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
