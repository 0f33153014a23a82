// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Reset, traps and the semihosting call of a RISC-V hart in machine mode.

#include "semihosting.hpp"

#include <cstdint>

extern "C" {
[[noreturn]] void start() { run_program(); }
[[noreturn]] void trap() { fault(); }
}

// QEMU's virt begins at the first byte of its RAM, which stands for flash here.
asm(R"(
    .option push
    .option arch, +zicsr
    .section .vectors, "ax"
    .globl reset
reset:
    la sp, stack_top
    la t0, trapped
    csrw mtvec, t0
    j start
    .balign 4
trapped:
    j trap
    .option pop
    .text
)");

void semihosting::call(operation what, const void* argument) {
    register std::uint32_t a0 asm("a0") = static_cast<std::uint32_t>(what);
    register const void* a1 asm("a1") = argument;
    // The three instructions must not be compressed nor lie in two pages.
    asm volatile(".balign 16\n .option push\n .option norvc\n slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n .option pop"
                 : "+r"(a0)
                 : "r"(a1)
                 : "memory");
}
