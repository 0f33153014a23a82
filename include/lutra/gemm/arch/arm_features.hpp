// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// What a Cortex-M has beside its plain instructions, with the compiler's names for it: LUTRA_ARM_DSP, pairs of 16-bit
/// numbers and saturation (Armv7E-M, Armv8-M with DSP); LUTRA_ARM_MVE, vectors of integers (Helium, Armv8.1-M).

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && !defined(__aarch64__)
    #include <arm_acle.h> // IWYU pragma: export
    #define LUTRA_ARM_DSP 1
#else
    #define LUTRA_ARM_DSP 0
#endif
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
    #include <arm_mve.h> // IWYU pragma: export
    #define LUTRA_ARM_MVE 1
#else
    #define LUTRA_ARM_MVE 0
#endif
