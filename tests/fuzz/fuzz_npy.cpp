// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The input is the head of a .npy file; zeros follow, so that the fuzzer need not find hundreds of kilobytes itself.
#include "fuzz.hpp"

#include <lutra/multiplier/heap_table.hpp>

#include <vector>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static_cast<void>(lutra::table_from_bytes(fuzz_bytes(data, size)));

    const std::size_t item_size = std::size_t{2} << data[0] % 3;
    const lutra::table_format format{.order = data[0] & 4 ? lutra::table_order::value : lutra::table_order::bit_pattern,
                                     .entries = data[0] & 8 ? lutra::signedness::is_unsigned : lutra::signedness::is_signed,
                                     .operands =
                                         data[0] & 16 ? lutra::signedness::is_unsigned : lutra::signedness::is_signed};
    const auto head = fuzz_bytes(data + 1, size - 1);
    std::vector<std::byte> file(head.begin(), head.end());
    file.resize(head.size() + item_size * lutra::table_multiplier::entries);
    const auto table = lutra::table_from_bytes(file, format);
    check(table ? *table != nullptr : !table.error().message.empty(), "a table or a sentence");
    return 0;
}
