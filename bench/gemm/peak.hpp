// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/isa.hpp>

#include <cstddef>
#include <cstdint>
#if defined(__x86_64__)
    #include <immintrin.h>
#endif

/// @file
/// The limit of an exact int8 product: the shortest sequence of instructions that makes exact products of bytes and adds
/// them up in 32 bits, on registers alone, twelve sums at a time.

namespace bench {

/// Repeats the sequence; a call makes `products()` products.
class exact_peak {
public:
    static constexpr std::size_t repeats = 1 << 16, sums = 12;

    [[nodiscard]] const char* name() const {
        constexpr const char* names[]{"", "VPMADDWD + VPADDD ymm", "VPMADDWD + VPADDD zmm", "VPDPBUSD zmm"};
        return names[kind_];
    }
    [[nodiscard]] bool known() const { return kind_ != none; }
    [[nodiscard]] double products() const {
        constexpr double a_step[]{0, 16, 32, 64};
        return static_cast<double>(repeats * sums) * a_step[kind_];
    }
    void operator()() {
#if defined(__x86_64__)
        switch (kind_) {
        case vnni: vnni512(); break;
        case wide: madd512(); break;
        case narrow: madd256(); break;
        default: break;
        }
#endif
    }

private:
    enum kind { none, narrow, wide, vnni };
#if defined(__x86_64__)
    static kind best() {
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")) return vnni;
        if (__builtin_cpu_supports("avx512bw")) return wide;
        return __builtin_cpu_supports("avx2") ? narrow : none;
    }
    // The empty asm statements hide that the operands never change; the sums are added in place by hand, for compilers
    // rotate them through registers.
    [[gnu::target("avx512f,avx512bw,avx512vnni")]] void vnni512() {
        __m512i sum[sums], a = _mm512_set1_epi32(seed_);
        for (__m512i& s : sum) s = a;
        for (std::size_t i = 0; i < repeats; ++i)
            for (__m512i& s : sum) asm volatile("vpdpbusd %1, %1, %0" : "+v"(s) : "v"(a));
        for (const __m512i& s : sum) seed_ += _mm512_reduce_add_epi32(s);
    }
    [[gnu::target("avx512f,avx512bw")]] void madd512() {
        __m512i sum[sums], a = _mm512_set1_epi32(seed_);
        for (__m512i& s : sum) s = a;
        for (std::size_t i = 0; i < repeats; ++i)
            for (__m512i& s : sum) {
                asm volatile("" : "+v"(a));
                const __m512i pairs = _mm512_madd_epi16(a, a);
                asm volatile("vpaddd %1, %0, %0" : "+v"(s) : "v"(pairs));
            }
        for (const __m512i& s : sum) seed_ += _mm512_reduce_add_epi32(s);
    }
    [[gnu::target("avx2")]] void madd256() {
        __m256i sum[sums], a = _mm256_set1_epi32(seed_);
        for (__m256i& s : sum) s = a;
        for (std::size_t i = 0; i < repeats; ++i)
            for (__m256i& s : sum) {
                asm volatile("" : "+x"(a));
                const __m256i pairs = _mm256_madd_epi16(a, a);
                asm volatile("vpaddd %1, %0, %0" : "+x"(s) : "x"(pairs));
            }
        for (const __m256i& s : sum) seed_ += _mm256_extract_epi32(s, 0);
    }
    kind kind_ = best();
#else
    kind kind_ = none;
#endif
    std::int32_t seed_ = 3;
};

} // namespace bench
