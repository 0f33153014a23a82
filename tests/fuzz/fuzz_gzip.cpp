// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The limit is exact, whatever the stream, and what was unpacked survives packing.
#include "fuzz.hpp"

#include <lutra/io/gzip.hpp>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint64_t limit = 1 << 18;
    const auto bytes = fuzz_bytes(data, size);
    const auto unpacked = lutra::gunzip(bytes, limit);
    if (!unpacked) return 0;
    check(unpacked->size() <= limit, "the limit is kept");
    const auto exact = lutra::gunzip(bytes, unpacked->size());
    check(exact.has_value() && *exact == *unpacked, "a stream passes a limit that it just meets");
    if (!unpacked->empty()) {
        const auto less = lutra::gunzip(bytes, unpacked->size() - 1);
        check(!less && less.error().code == lutra::error_code::wrong_size, "a stream does not pass a limit one byte below");
    }
    const auto packed = lutra::gzip(*unpacked, 1);
    check(packed.has_value(), "anything can be packed");
    const auto again = lutra::gunzip(*packed, limit);
    check(again.has_value() && *again == *unpacked, "packing round trips");
    return 0;
}
