// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What start-up has in common on all processors, and output: without a C runtime, so that what needs a heap does not link.

#include "semihosting.hpp"

#include "board.hpp"

#include <cstddef>
#include <cstdint>

extern "C" {
// Set by board.ld; only their addresses mean something.
extern std::uint32_t data_load, data_begin, data_end, bss_begin, bss_end, stack_end, stack_top;
using constructor = void (*)();
extern const constructor constructors_begin[], constructors_end[];
}
int main();

namespace {
constexpr std::uint32_t unused = 0xa5a5a5a5; // what the stack is filled with before it is used
}

void board::leave(int status) {
    constexpr std::uint32_t application_exit = 0x20026;
    const std::uint32_t block[2] = {application_exit, static_cast<std::uint32_t>(status)};
    semihosting::call(semihosting::operation::exit_extended, block);
    for (;;) {
    }
}

void run_program() {
    for (volatile std::uint32_t *from = &data_load, *to = &data_begin; to != &data_end;) *to++ = *from++;
    for (volatile std::uint32_t* to = &bss_begin; to != &bss_end;) *to++ = 0;
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - 256; // below this function's frame
    for (volatile std::uint32_t* to = &stack_end; reinterpret_cast<std::uintptr_t>(to) < here;) *to++ = unused;
    for (const constructor* c = constructors_begin; c != constructors_end; ++c) (*c)();
    board::leave(main());
}

void fault() {
    board::print("fault\n");
    board::leave(99);
}

void board::print(std::string_view text) {
    while (!text.empty()) {
        char piece[64];
        const std::size_t n = text.size() < sizeof piece ? text.size() : sizeof piece - 1;
        for (std::size_t i = 0; i < n; ++i) piece[i] = text[i];
        piece[n] = '\0';
        semihosting::call(semihosting::operation::write0, piece);
        text.remove_prefix(n);
    }
}

std::size_t board::used_stack() {
    const volatile std::uint32_t* at = &stack_end;
    while (at != &stack_top && *at == unused) ++at;
    return static_cast<std::size_t>(&stack_top - at) * sizeof *at;
}
