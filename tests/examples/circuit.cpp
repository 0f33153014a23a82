// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cstdint>

// The four declarations under which models of circuits are found; each drops the activation's two lowest bits.
extern "C" {
std::uint16_t by_bits(std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint16_t>(static_cast<std::int8_t>(a & 0xfcu) * static_cast<std::int8_t>(b));
}
std::uint64_t by_wide_bits(std::uint64_t a, std::uint64_t b) {
    return by_bits(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b));
}
std::int16_t by_values(std::int8_t a, std::int8_t b) { return static_cast<std::int16_t>((a & ~3) * b); }
std::int32_t by_wide_values(std::int32_t a, std::int32_t b) { return (a & ~3) * b; }
std::uint16_t unsigned_exact(std::uint8_t a, std::uint8_t b) { return static_cast<std::uint16_t>(a * b); }
}
