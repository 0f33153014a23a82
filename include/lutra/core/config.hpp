// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// Every macro that steers the library. Each is 0 or 1 and may be set before the first include (all
/// translation units of a program must agree), except LUTRA_ISA, which follows from the compiler's flags.

/// 1: an operating system, exceptions and the whole standard library are there. 0: firmware.
#ifndef LUTRA_HOSTED
    #if __STDC_HOSTED__ && (defined(__unix__) || defined(__APPLE__) || defined(_WIN32))
        #define LUTRA_HOSTED 1
    #else
        #define LUTRA_HOSTED 0
    #endif
#endif

/// 1: xsimd carries the float kernels. Defaults to "hosted and the header is on the include path".
#ifndef LUTRA_USE_XSIMD
    #if LUTRA_HOSTED && __has_include(<xsimd/xsimd.hpp>)
        #define LUTRA_USE_XSIMD 1
    #else
        #define LUTRA_USE_XSIMD 0
    #endif
#endif

/// 1: zlib is there and linked. The build says so; a header that happens to be installed proves nothing.
#ifndef LUTRA_USE_ZLIB
    #define LUTRA_USE_ZLIB 0
#endif

/// 1: Eigen, or MPI, is there and linked; lutra::surrogate and lutra::mpi say so.
#ifndef LUTRA_USE_EIGEN
    #define LUTRA_USE_EIGEN 0
#endif
#ifndef LUTRA_USE_MPI
    #define LUTRA_USE_MPI 0
#endif

/// 1: hosted x86 builds carry kernels for newer instruction sets than the flags promise and choose once, at
/// run time. 0: only what the flags promise.
#ifndef LUTRA_RUNTIME_DISPATCH
    #if LUTRA_HOSTED && (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
        #define LUTRA_RUNTIME_DISPATCH 1
    #else
        #define LUTRA_RUNTIME_DISPATCH 0
    #endif
#endif

/// 1: the program defines `lutra::on_panic`; see core/panic.hpp.
#ifndef LUTRA_CUSTOM_PANIC
    #define LUTRA_CUSTOM_PANIC 0
#endif

/// 1: a panic says in words what was wrong, and where. 0: it has its code and its numbers only, and the words take no flash.
#ifndef LUTRA_PANIC_MESSAGES
    #define LUTRA_PANIC_MESSAGES LUTRA_HOSTED
#endif

/// 1: the program links lutra::compiled (the target sets this), which holds every function marked LUTRA_INLINE and the
/// usual networks, so that they are compiled once and not in every translation unit.
#ifndef LUTRA_USE_COMPILED
    #define LUTRA_USE_COMPILED 0
#endif
/// What stands before a function too large to be worth inlining. (LUTRA_COMPILING: the source of lutra::compiled.)
#if defined(LUTRA_COMPILING)
    #define LUTRA_INLINE [[gnu::used]] inline
#elif LUTRA_USE_COMPILED
    #if defined(__clang__)
        #define LUTRA_INLINE [[gnu::gnu_inline, gnu::noinline]] inline
    #else // g++ allows noinline not here, and compiles what an inlined body calls; a body without optimisation it leaves
        #define LUTRA_INLINE [[gnu::gnu_inline, gnu::optimize("O0")]] inline
    #endif
#else
    #define LUTRA_INLINE inline
#endif

/// The name of the inline namespace that holds whatever the compiler's flags can change (vector widths,
/// contracted float code), so that two translation units with different flags do not share one inline function.
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
    #if defined(__AVX512VNNI__) && defined(__AVX512VBMI__)
        #define LUTRA_ISA isa_avx512vbmi
    #elif defined(__AVX512VNNI__)
        #define LUTRA_ISA isa_avx512vnni
    #else
        #define LUTRA_ISA isa_avx512
    #endif
#elif defined(__AVX512F__)
    #define LUTRA_ISA isa_avx512f
#elif defined(__AVX2__) && defined(__FMA__)
    #if defined(__AVXVNNI__)
        #define LUTRA_ISA isa_avx2_vnni
    #else
        #define LUTRA_ISA isa_avx2_fma
    #endif
#elif defined(__AVX2__)
    #define LUTRA_ISA isa_avx2
#elif defined(__AVX__)
    #define LUTRA_ISA isa_avx
#elif defined(__SSE4_1__)
    #define LUTRA_ISA isa_sse4_1
#elif defined(__x86_64__)
    #define LUTRA_ISA isa_sse2
#elif defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_NEON)
    #define LUTRA_ISA isa_neon_dot
#elif defined(__ARM_NEON)
    #define LUTRA_ISA isa_neon
#else
    #define LUTRA_ISA isa_scalar
#endif
