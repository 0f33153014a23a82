// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Start-up of a Cortex-M and output by ARM semihosting, without a C runtime: what needs a heap or files does not link.

#include "board.hpp"

#include <cstddef>
#include <cstdint>

extern "C" {
// Set by cortex_m.ld; only their addresses mean something.
extern std::uint32_t data_load, data_begin, data_end, bss_begin, bss_end, stack_top;
using constructor = void (*)();
extern const constructor constructors_begin[], constructors_end[];
void* __dso_handle; // what a runtime would bring, so that a heap is the only thing missing
[[noreturn]] void reset();
}
int main();

namespace {

enum class semihosting : std::uint32_t { write0 = 0x04, exit_extended = 0x20 };

void call_host(semihosting operation, const void* argument) {
    register std::uint32_t r0 asm("r0") = static_cast<std::uint32_t>(operation);
    register const void* r1 asm("r1") = argument;
    asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

[[noreturn]] void leave(std::uint32_t status) {
    constexpr std::uint32_t application_exit = 0x20026;
    const std::uint32_t block[2] = {application_exit, status};
    call_host(semihosting::exit_extended, block);
    for (;;) {}
}

[[noreturn]] void fault() {
    board::print("fault\n");
    leave(99);
}

struct vector_table {
    std::uint32_t* stack;
    void (*handlers[15])();
};
[[gnu::section(".vectors"), gnu::used]] const vector_table vectors{
    &stack_top,
    {reset, fault, fault, fault, fault, fault, nullptr, nullptr, nullptr, nullptr, fault, fault, nullptr, fault, fault}};

} // namespace

void reset() {
    for (std::uint32_t *from = &data_load, *to = &data_begin; to != &data_end;) *to++ = *from++;
    for (std::uint32_t* to = &bss_begin; to != &bss_end;) *to++ = 0;
#if defined(__ARM_FP)
    auto* const coprocessor_access = reinterpret_cast<volatile std::uint32_t*>(0xe000ed88u);
    *coprocessor_access = *coprocessor_access | 0xfu << 20;
    asm volatile("dsb\n isb" ::: "memory");
#endif
    for (const constructor* c = constructors_begin; c != constructors_end; ++c) (*c)();
    leave(static_cast<std::uint32_t>(main()));
}

void board::print(std::string_view text) {
    while (!text.empty()) {
        char piece[64];
        const std::size_t n = text.size() < sizeof piece ? text.size() : sizeof piece - 1;
        for (std::size_t i = 0; i < n; ++i) piece[i] = text[i];
        piece[n] = '\0';
        call_host(semihosting::write0, piece);
        text.remove_prefix(n);
    }
}
