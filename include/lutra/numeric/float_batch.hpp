// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <cstddef>
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
inline float_batch multiply_add(float_batch a, float_batch b, float_batch c) noexcept { return xsimd::fma(a, b, c); }
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

#endif

#if LUTRA_USE_XSIMD && defined(__AVX512F__)
/// The first @p n < float_lanes lanes from memory, the others @p fill; reads nothing past p[n - 1].
inline float_batch load_partial(const float* p, std::size_t n, float fill = 0) noexcept {
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), static_cast<__mmask16>((1u << n) - 1), p);
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
/// Writes the first @p n < float_lanes lanes.
inline void store_partial(float* p, float_batch v, std::size_t n) noexcept {
    float lanes[float_lanes];
    store(lanes, v);
    for (std::size_t i = 0; i < n; ++i) p[i] = lanes[i];
}
#endif
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
    const float_batch n = round_to_integer(x * broadcast(1.44269504088896341f));
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
