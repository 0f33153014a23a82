// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/table_scalar.hpp>
#if defined(__ARM_NEON) && defined(__aarch64__)
    #include <arm_neon.h>
    #include <cstddef>
    #include <cstdint>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Blocks with rows of two or four 128-bit registers.
struct table_neon {
    static table_groups groups(const std::uint8_t* index, std::size_t count) noexcept {
        alignas(16) static constexpr std::uint8_t bits[16]{1, 2, 4, 8, 16, 32, 64, 128};
        const uint8x16_t zero = vdupq_n_u8(0), low = vld1q_u8(bits), high = vextq_u8(zero, low, 8);
        uint8x16_t found_low = zero, found_high = zero;
        std::size_t j = 0;
        for (; j + 16 <= count; j += 16) {
            const uint8x16_t group = vshrq_n_u8(vld1q_u8(index + j), 4);
            found_low = vorrq_u8(found_low, vqtbl1q_u8(low, group));
            found_high = vorrq_u8(found_high, vqtbl1q_u8(high, group));
        }
        alignas(16) std::uint8_t bytes[32];
        vst1q_u8(bytes, found_low);
        vst1q_u8(bytes + 16, found_high);
        table_groups found = table_scalar::groups(index + j, count - j);
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < 16; ++i) found |= bytes[i] | table_groups{bytes[16 + i]} << 8;
        return found;
    }

    template <std::size_t Bytes, class Entry>
    static void expand(const Entry* table, const std::uint8_t* lanes, table_groups groups, std::byte* block) noexcept {
        constexpr std::size_t values = 16 / sizeof(Entry);
        for (std::size_t part = 0; part < Bytes; part += 16) {
            const Entry* rows[16 / sizeof(Entry)];
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < 8; ++i) rows[i] = table + std::size_t{lanes[part / 2 + i]} * 256;
            if constexpr (sizeof(Entry) == 1)
    #pragma GCC unroll 16
                for (std::size_t i = 0; i < 8; ++i) rows[8 + i] = table + std::size_t{lanes[Bytes / 2 + part / 2 + i]} * 256;
            const auto store = [&](std::size_t v, uint16x8_t row) {
                vst1q_u8(reinterpret_cast<std::uint8_t*>(block + v * Bytes + part), vreinterpretq_u8_u16(row));
            };
            for (std::size_t v = 0; v < 256; v += values) {
                if ((groups >> (v / 16) & 1) == 0) continue;
                uint16x8_t first[8];
                words(rows, v, first);
                if constexpr (sizeof(Entry) == 2) {
    #pragma GCC unroll 16
                    for (std::size_t i = 0; i < 8; ++i) store(v + i, first[i]);
                } else {
                    uint16x8_t second[8];
                    words(rows + 8, v, second);
    #pragma GCC unroll 16
                    for (std::size_t i = 0; i < 8; ++i) { // a word holds two values of a lane
                        first[i] = veorq_u16(first[i], vdupq_n_u16(0x8080));
                        store(v + 2 * i, vsliq_n_u16(first[i], second[i], 8));
                        store(v + 2 * i + 1, vsriq_n_u16(second[i], first[i], 8));
                    }
                }
            }
        }
    }

    template <std::size_t Bytes, std::size_t Depth>
    static void add(const std::byte* blocks, const std::uint8_t* index, std::size_t stride, std::size_t count,
                    std::uint16_t* sums) noexcept {
        constexpr std::size_t parts = Bytes / 16;
        for (std::size_t j = 0; j < count; ++j, sums += Bytes) {
            auto* out = reinterpret_cast<std::int16_t*>(sums);
            int16x8_t sum[parts], high[parts];
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < parts; ++i) sum[i] = vld1q_s16(out + 8 * i);
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < parts; ++i) high[i] = vld1q_s16(out + 8 * (parts + i));
    #pragma GCC unroll 16
            for (std::size_t k = 0; k < Depth; ++k) {
                const std::byte* from = blocks + (k * 256 + index[k * stride + j]) * Bytes;
    #pragma GCC unroll 16
                for (std::size_t i = 0; i < parts; ++i) {
                    const int16x8_t row = vld1q_s16(reinterpret_cast<const std::int16_t*>(from) + 8 * i);
                    sum[i] = vaddq_s16(sum[i], row);
                    high[i] = vsraq_n_s16(high[i], row, 8);
                }
            }
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < parts; ++i) vst1q_s16(out + 8 * i, sum[i]);
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < parts; ++i) vst1q_s16(out + 8 * (parts + i), high[i]);
        }
    }

private:
    /// The 8 words at @p v of 8 table rows, as 8 registers with a word of each row: three passes, each of which moves the
    /// top bit of the register's number behind the lane's.
    template <class Entry>
    static void words(const Entry* const* rows, std::size_t v, uint16x8_t (&r)[8]) noexcept {
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < 8; ++i)
            r[i] = vreinterpretq_u16_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(rows[i] + v)));
    #pragma GCC unroll 16
        for (int pass = 0; pass < 3; ++pass) {
            uint16x8_t t[8];
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < 4; ++i) {
                t[2 * i] = vzip1q_u16(r[i], r[i + 4]);
                t[2 * i + 1] = vzip2q_u16(r[i], r[i + 4]);
            }
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < 8; ++i) r[i] = t[i];
        }
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
