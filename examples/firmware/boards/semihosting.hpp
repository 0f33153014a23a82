// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

/// Arm's semihosting, which RISC-V has taken over: a debugger, or QEMU, serves the calls.
namespace semihosting {

enum class operation : std::uint32_t { write0 = 0x04, get_command_line = 0x15, exit_extended = 0x20 };

/// The call itself; each processor has its own.
void call(operation what, const void* argument);

} // namespace semihosting

/// Sets up what C++ expects of memory, runs main and leaves. The stack stands already.
[[noreturn]] void run_program();
/// Says so and leaves.
[[noreturn]] void fault();
