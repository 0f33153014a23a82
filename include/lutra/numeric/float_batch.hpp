// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/numeric/rounding.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#if LUTRA_USE_XSIMD
    #include <xsimd/xsimd.hpp>
#else
    #include <cmath>
#endif

/// @file
/// The one place that knows xsimd: a register of floats and the few operations that the float kernels are written
/// in. Without xsimd a register holds one float. Everything here follows the compiler's flags, hence LUTRA_ISA.

namespace lutra {
inline namespace LUTRA_ISA {

#if LUTRA_USE_XSIMD

    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif

/// A register of floats.
using float_batch = xsimd::batch<float>;
inline constexpr std::size_t float_lanes = float_batch::size;

/// float_lanes floats from @p p, of any alignment.
inline float_batch load(const float* p) noexcept { return float_batch::load_unaligned(p); }
/// float_lanes floats to @p p, of any alignment.
inline void store(float* p, float_batch v) noexcept { v.store_unaligned(p); }
/// @p x in every lane.
inline float_batch broadcast(float x) noexcept { return float_batch(x); }
/// a b + c; rounded once where the flags promise a fused operation, else twice.
inline float_batch multiply_add(float_batch a, float_batch b, float_batch c) noexcept {
    #if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c); // xsimd 8 multiplies and adds, which clang leaves as it is
    #else
    return xsimd::fma(a, b, c);
    #endif
}
/// The greater of two; which, where one is NaN, is the machine's choice.
inline float_batch maximum(float_batch a, float_batch b) noexcept { return xsimd::max(a, b); }
/// The lesser of two; which, where one is NaN, is the machine's choice.
inline float_batch minimum(float_batch a, float_batch b) noexcept { return xsimd::min(a, b); }
inline float_batch absolute(float_batch a) noexcept { return xsimd::abs(a); }
inline float_batch square_root(float_batch a) noexcept { return xsimd::sqrt(a); }
/// To the nearest integer, ties to even.
inline float_batch round_to_integer(float_batch a) noexcept { return xsimd::nearbyint(a); }
/// |magnitude| with the sign of @p sign.
inline float_batch with_sign_of(float_batch magnitude, float_batch sign) noexcept {
    return xsimd::copysign(magnitude, sign);
}
/// 2^n for an integral n in [-126, 127].
inline float_batch power_of_two(float_batch n) noexcept { return xsimd::ldexp(float_batch(1.0f), xsimd::to_int(n)); }
/// 0 where |x| <= limit, else x; NaN stays.
inline float_batch zero_within(float_batch x, float_batch limit) noexcept {
    return xsimd::select(xsimd::abs(x) <= limit, float_batch(0.0f), x);
}
/// 1 where x is 0, else 0.
inline float_batch one_where_zero(float_batch x) noexcept {
    return xsimd::select(x == float_batch(0.0f), float_batch(1.0f), float_batch(0.0f));
}

    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif

#else

/// One float, with the operators of a register.
struct float_batch {
    float v = 0;
    friend float_batch operator+(float_batch a, float_batch b) noexcept { return {a.v + b.v}; }
    friend float_batch operator-(float_batch a, float_batch b) noexcept { return {a.v - b.v}; }
    friend float_batch operator*(float_batch a, float_batch b) noexcept { return {a.v * b.v}; }
    friend float_batch operator/(float_batch a, float_batch b) noexcept { return {a.v / b.v}; }
};
inline constexpr std::size_t float_lanes = 1;

inline float_batch load(const float* p) noexcept { return {*p}; }
inline void store(float* p, float_batch v) noexcept { *p = v.v; }
inline float_batch broadcast(float x) noexcept { return {x}; }
inline float_batch multiply_add(float_batch a, float_batch b, float_batch c) noexcept { return {a.v * b.v + c.v}; }
// As x86 does it: b where the two are equal or one is NaN.
inline float_batch maximum(float_batch a, float_batch b) noexcept { return {a.v > b.v ? a.v : b.v}; }
inline float_batch minimum(float_batch a, float_batch b) noexcept { return {a.v < b.v ? a.v : b.v}; }
inline float_batch absolute(float_batch a) noexcept { return {std::fabs(a.v)}; }
inline float_batch square_root(float_batch a) noexcept { return {std::sqrt(a.v)}; }
inline float_batch round_to_integer(float_batch a) noexcept { return {std::nearbyint(a.v)}; }
inline float_batch with_sign_of(float_batch magnitude, float_batch sign) noexcept {
    return {std::copysign(magnitude.v, sign.v)};
}
inline float_batch power_of_two(float_batch n) noexcept { return {std::ldexp(1.0f, static_cast<int>(n.v))}; }
inline float_batch zero_within(float_batch x, float_batch limit) noexcept {
    return {std::fabs(x.v) <= limit.v ? 0.0f : x.v};
}
inline float_batch one_where_zero(float_batch x) noexcept { return {x.v == 0 ? 1.0f : 0.0f}; }

#endif

#if LUTRA_USE_XSIMD && defined(__AVX512F__)
/// The first @p n < float_lanes lanes from memory, the others @p fill; reads nothing past p[n - 1].
inline float_batch load_partial(const float* p, std::size_t n, float fill = 0) noexcept {
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), static_cast<__mmask16>((1u << n) - 1), p);
}
/// The first @p n < float_lanes lanes of @p v, the others 0.
inline float_batch keep_first(float_batch v, std::size_t n) noexcept {
    return _mm512_maskz_mov_ps(static_cast<__mmask16>((1u << n) - 1), v);
}
/// Writes the first @p n < float_lanes lanes.
inline void store_partial(float* p, float_batch v, std::size_t n) noexcept {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
#else
/// The first @p n < float_lanes lanes from memory, the others @p fill; reads nothing past p[n - 1].
inline float_batch load_partial(const float* p, std::size_t n, float fill = 0) noexcept {
    float lanes[float_lanes];
    for (std::size_t i = 0; i < float_lanes; ++i) lanes[i] = i < n ? p[i] : fill;
    return load(lanes);
}
/// The first @p n < float_lanes lanes of @p v, the others 0.
inline float_batch keep_first(float_batch v, std::size_t n) noexcept {
    float lanes[float_lanes];
    store(lanes, v);
    return load_partial(lanes, n);
}
/// Writes the first @p n < float_lanes lanes.
inline void store_partial(float* p, float_batch v, std::size_t n) noexcept {
    float lanes[float_lanes];
    store(lanes, v);
    for (std::size_t i = 0; i < n; ++i) p[i] = lanes[i];
}
#endif
#if LUTRA_USE_XSIMD && defined(__AVX512F__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // as above
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
/// The sum of all lanes, pairwise.
inline float sum_of(float_batch v) noexcept { return _mm512_reduce_add_ps(v); }
/// The greatest lane.
inline float greatest_of(float_batch v) noexcept { return _mm512_reduce_max_ps(v); }
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#else
/// The sum of all lanes, pairwise.
inline float sum_of(float_batch v) noexcept {
    float lanes[float_lanes];
    store(lanes, v);
    for (std::size_t step = float_lanes / 2; step > 0; step /= 2)
        for (std::size_t i = 0; i < step; ++i) lanes[i] += lanes[i + step];
    return lanes[0];
}
/// The greatest lane.
inline float greatest_of(float_batch v) noexcept {
    float lanes[float_lanes];
    store(lanes, v);
    float best = lanes[0];
    for (std::size_t i = 1; i < float_lanes; ++i) best = best < lanes[i] ? lanes[i] : best;
    return best;
}
#endif

#if LUTRA_USE_XSIMD && defined(__AVX512F__)
/// 1 / x within 2 ulp for normal x and 1 / x: the division would take longer than what stands around it.
inline float_batch inverse_of(float_batch x) noexcept {
    const float_batch near = _mm512_maskz_rcp14_ps(0xffff, x); // within 2^-14; a step of Newton squares the error
    return multiply_add(near, multiply_add(broadcast(0.0f) - x, near, broadcast(1.0f)), near);
}
#else
/// 1 / x within 2 ulp for normal x and 1 / x.
inline float_batch inverse_of(float_batch x) noexcept { return broadcast(1.0f) / x; }
#endif

/// A scale to quantise at, in every lane.
struct scale_batch {
    explicit scale_batch(float s) noexcept : scale{broadcast(s)}, inverse{broadcast(1.0f / s)} {}
    float_batch scale, inverse;
};

#if LUTRA_USE_XSIMD && defined(__AVX512F__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // as above
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
/// quantize(x, scale) of the first @p n lanes (1 to float_lanes) to int8, bit for bit.
inline void store_quantized(std::int8_t* p, float_batch x, const scale_batch& by, std::size_t n) noexcept {
    // x / scale and x * (1 / scale) differ by less than 2^-15 where either is below 128 in magnitude: only near a tie does
    // the division, which takes longer than all else here, decide.
    const __m512 product = x * by.inverse;
    __m512i q = _mm512_cvtps_epi32(product);
    const __m512 rest = _mm512_abs_ps(_mm512_sub_ps(product, _mm512_cvtepi32_ps(q)));
    if (_mm512_cmp_ps_mask(rest, _mm512_set1_ps(0.5f - 0x1p-14f), _CMP_LE_OQ) != 0xffff) { // also NaN and out of range
        const __m512 quotient = x / by.scale;
        q = _mm512_maskz_cvtps_epi32(_mm512_cmp_ps_mask(quotient, quotient, _CMP_ORD_Q), // NaN: 0
                                     _mm512_max_ps(_mm512_min_ps(quotient, _mm512_set1_ps(127)), _mm512_set1_ps(-127)));
    }
    q = _mm512_max_epi32(_mm512_min_epi32(q, _mm512_set1_epi32(127)), _mm512_set1_epi32(-127));
    _mm512_mask_cvtepi32_storeu_epi8(p, static_cast<__mmask16>((1u << n) - 1), q);
}
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#elif LUTRA_USE_XSIMD && defined(__AVX2__)
/// quantize(x, scale) of the first @p n lanes (1 to float_lanes) to int8, bit for bit.
inline void store_quantized(std::int8_t* p, float_batch x, const scale_batch& by, std::size_t n) noexcept {
    const __m256 q = x / by.scale, number = _mm256_and_ps(q, _mm256_cmp_ps(q, q, _CMP_ORD_Q)); // NaN: 0
    const __m256i rounded =
        _mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps(number, _mm256_set1_ps(127)), _mm256_set1_ps(-127)));
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    const long long bytes = _mm_cvtsi128_si64(_mm_packs_epi16(words, words));
    std::memcpy(p, &bytes, n >= float_lanes ? float_lanes : n);
}
#elif LUTRA_USE_XSIMD && defined(__SSE2__) && !defined(__AVX__)
/// quantize(x, scale) of the first @p n lanes (1 to float_lanes) to int8, bit for bit.
inline void store_quantized(std::int8_t* p, float_batch x, const scale_batch& by, std::size_t n) noexcept {
    const __m128 q = x / by.scale, number = _mm_and_ps(q, _mm_cmpord_ps(q, q)); // NaN: 0
    const __m128i rounded = _mm_cvtps_epi32(_mm_max_ps(_mm_min_ps(number, _mm_set1_ps(127)), _mm_set1_ps(-127)));
    const __m128i words = _mm_packs_epi32(rounded, rounded);
    const int bytes = _mm_cvtsi128_si32(_mm_packs_epi16(words, words));
    std::memcpy(p, &bytes, n >= float_lanes ? float_lanes : n);
}
#else
/// quantize(x, scale) of the first @p n lanes (1 to float_lanes) to int8, bit for bit.
inline void store_quantized(std::int8_t* p, float_batch x, const scale_batch& by, std::size_t n) noexcept {
    float q[float_lanes];
    store(q, x / by.scale);
    for (std::size_t i = 0; i < n; ++i) p[i] = static_cast<std::int8_t>(round_clipped<rounding::half_even>(q[i], -127, 127));
}
#endif

/// Cuts @p count elements into registers: calls `f(i, n)` for the n elements from i on, with n = float_lanes for each whole
/// register and what is left, if anything is, at the end.
template <class F>
inline void for_each_register(std::size_t count, F&& f) {
    std::size_t i = 0;
    for (; i + float_lanes <= count; i += float_lanes) f(i, float_lanes);
    if (i < count) f(i, count - i);
}

/// The first @p n lanes (1 to float_lanes) from memory, the others @p fill; reads nothing past p[n - 1].
inline float_batch load_some(const float* p, std::size_t n, float fill = 0) noexcept {
    return n == float_lanes ? load(p) : load_partial(p, n, fill);
}
/// Writes the first @p n lanes (1 to float_lanes).
inline void store_some(float* p, float_batch v, std::size_t n) noexcept {
    if (n == float_lanes)
        store(p, v);
    else
        store_partial(p, v, n);
}

/// e^x within 2 ulp for x in [-87, 88]; smaller x, minus infinity included, give e^-87, greater ones e^88; NaN gives
/// anything. Range reduction by ln 2 in two parts and a minimax polynomial of degree 5 (Cephes expf, Moshier 1989).
inline float_batch exponential(float_batch x) noexcept {
    x = maximum(minimum(x, broadcast(88.0f)), broadcast(-87.0f));
    constexpr float round = 0x1.8p23f; // whoever adds it to a small number keeps the nearest integer
    const float_batch n = multiply_add(x, broadcast(1.44269504088896341f), broadcast(round)) - broadcast(round);
    float_batch r = multiply_add(n, broadcast(-0.693359375f), x);
    r = multiply_add(n, broadcast(2.12194440e-4f), r);
    float_batch p = broadcast(1.9875691500e-4f);
    p = multiply_add(p, r, broadcast(1.3981999507e-3f));
    p = multiply_add(p, r, broadcast(8.3334519073e-3f));
    p = multiply_add(p, r, broadcast(4.1665795894e-2f));
    p = multiply_add(p, r, broadcast(1.6666665459e-1f));
    p = multiply_add(p, r, broadcast(5.0000001201e-1f));
    p = multiply_add(p, r * r, r + broadcast(1.0f));
    return p * power_of_two(n);
}

} // namespace LUTRA_ISA
} // namespace lutra
