// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Reset, vectors and the semihosting call of a Cortex-M.

#include "semihosting.hpp"

#include <cstdint>

extern "C" {
extern std::uint32_t stack_top; // of board.ld
[[noreturn]] void reset();
}

namespace {
struct vector_table {
    std::uint32_t* stack;
    void (*handlers[15])();
};
[[gnu::section(".vectors"), gnu::used]] const vector_table vectors{
    &stack_top,
    {reset, fault, fault, fault, fault, fault, fault, nullptr, nullptr, nullptr, fault, fault, nullptr, fault, fault}};
} // namespace

void reset() {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE) // code for such a core may use its registers, if only to hold integers
    auto* const coprocessor_access = reinterpret_cast<volatile std::uint32_t*>(0xe000ed88u);
    *coprocessor_access = *coprocessor_access | 0xfu << 20;
    asm volatile("dsb\n isb" ::: "memory");
#endif
    run_program();
}

void semihosting::call(operation what, const void* argument) {
    register std::uint32_t r0 asm("r0") = static_cast<std::uint32_t>(what);
    register const void* r1 asm("r1") = argument;
    asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}
