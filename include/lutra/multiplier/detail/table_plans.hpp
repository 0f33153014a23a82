// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/multiplier/factorize.hpp>
#include <lutra/multiplier/operands.hpp>
#include <lutra/multiplier/separable_terms.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace lutra::detail::mul {

/// The first pair of bit patterns (activation << 8 | weight) for which @p terms do not give the product; 65,536 if none.
[[nodiscard]] inline std::size_t first_difference(separable_terms terms,
                                                  std::span<const std::int32_t, 65536> products) noexcept {
    for (std::size_t a = 0; a < 256; ++a) {
        std::array<std::int64_t, 256> sums{};
        for (std::size_t i = 0; i < terms.rank; ++i) {
            const std::int64_t left = terms.lhs[256 * i + a] * (std::int64_t{1} << terms.shifts[i]);
            for (std::size_t b = 0; b < 256; ++b) sums[b] += left * terms.rhs[256 * i + b];
        }
        std::uint64_t different = 0;
        for (std::size_t b = 0; b < 256; ++b) different |= static_cast<std::uint64_t>(sums[b] ^ products[256 * a + b]);
        if (different == 0) continue;
        for (std::size_t b = 0; b < 256; ++b)
            if (sums[b] != products[256 * a + b]) return 256 * a + b;
    }
    return 65536;
}

/// Everything that the plans of a table need besides its products; each verified on all 65,536 pairs.
struct table_plans {
    separable_maps<> found;  ///< rank 0: none
    separable_maps<> digits; ///< the same with 8-bit factors only, where `found` has wider ones; rank 0: none
    std::array<std::int8_t, 65536> errors{}, errors_by_weight{};
    std::array<std::int16_t, 65536> products16_by_weight{}; ///< of no meaning where a product does not fit
    std::uint8_t error_shift = 0;
    bool errors_fit = false;
    bool known = false; ///< else nothing here is of any meaning

    void find(std::span<const std::int32_t, 65536> products, operand_signs signs) {
        known = true;
        found = factorize(products).value_or(separable_maps<>{});
        digits = found.rank > 0 && found.factors == factor_width::bits16
                     ? split_into_digits(found).value_or(separable_maps<>{})
                     : separable_maps<>{};
        for (const separable_maps<>* maps : {&found, &digits}) {
            if (maps->rank == 0) continue;
            const std::size_t wrong = first_difference(maps->view(), products);
            require(wrong == 65536, panic_code::verification,
                    "the factors found for a multiplier table do not give its products; the first wrong entry is",
                    static_cast<long long>(wrong), 65536);
        }
        find_errors(products, signs);
        transpose(products, products16_by_weight);
        if (errors_fit) transpose(std::span<const std::int8_t, 65536>{errors}, errors_by_weight);
    }

private:
    void find_errors(std::span<const std::int32_t, 65536> products, operand_signs signs) noexcept {
        const auto error_row = [&](std::size_t a, std::array<std::int64_t, 256>& row) {
            const std::int64_t value = operand_value(static_cast<std::uint8_t>(a), signs.lhs);
            for (std::size_t b = 0; b < 256; ++b)
                row[b] = products[256 * a + b] - value * operand_value(static_cast<std::uint8_t>(b), signs.rhs);
        };
        std::array<std::int64_t, 256> row;
        std::uint64_t bits = 0;
        std::int64_t least = 0, most = 0;
        for (std::size_t a = 0; a < 256; ++a) {
            error_row(a, row);
            for (const std::int64_t e : row) {
                bits |= static_cast<std::uint64_t>(e);
                least = std::min(least, e);
                most = std::max(most, e);
            }
        }
        const int shift = bits == 0 ? 0 : std::countr_zero(bits);
        errors_fit = (least >> shift) >= -128 && (most >> shift) <= 127; // so each error is its byte << shift, exactly
        if (!errors_fit) return;
        error_shift = static_cast<std::uint8_t>(shift);
        for (std::size_t a = 0; a < 256; ++a) {
            error_row(a, row);
            for (std::size_t b = 0; b < 256; ++b) errors[256 * a + b] = static_cast<std::int8_t>(row[b] >> shift);
        }
    }

    template <class T>
    static void transpose(std::span<const T, 65536> from, auto& to) noexcept {
        using out = typename std::remove_reference_t<decltype(to)>::value_type;
        for (std::size_t block = 0; block < 65536; block += 256 * 16) // strips of 16 rows stay in the cache
            for (std::size_t b = 0; b < 256; ++b)
                for (std::size_t a = 0; a < 16; ++a)
                    to[256 * b + block / 256 + a] = static_cast<out>(from[block + 256 * a + b]);
    }
};

} // namespace lutra::detail::mul
