// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

/// A separable multiplier made by hand from maps, with the table of its products.
class made_plan {
public:
    struct term {
        std::int32_t (*lhs)(std::int8_t), (*rhs)(std::int8_t);
        std::uint8_t shift;
    };
    made_plan(std::string_view name, lutra::factor_width width, const std::vector<term>& terms) : table_(65536) {
        lhs_.reserve(terms.size() * 256);
        for (const term& t : terms)
            for (int bits = 0; bits < 256; ++bits) {
                lhs_.push_back(static_cast<std::int16_t>(t.lhs(static_cast<std::int8_t>(bits))));
                rhs_.push_back(static_cast<std::int16_t>(t.rhs(static_cast<std::int8_t>(bits))));
            }
        for (std::size_t i = 0; i < 65536; ++i)
            for (std::size_t t = 0; t < terms.size(); ++t)
                table_[i] += lhs_[t * 256 + i / 256] * rhs_[t * 256 + i % 256] * (1 << terms[t].shift);
        const auto [least, most] = std::minmax_element(table_.begin(), table_.end());
        plan_ = {.kind = lutra::plan_kind::separable,
                 .factors = width,
                 .rank = static_cast<std::uint8_t>(terms.size()),
                 .lhs_factors = lhs_.data(),
                 .rhs_factors = rhs_.data(),
                 .products32 = table_.data(),
                 .min_product = *least,
                 .max_product = *most,
                 .name = name};
        for (std::size_t t = 0; t < terms.size(); ++t) plan_.shifts[t] = terms[t].shift;
    }
    made_plan(const made_plan&) = delete;
    made_plan& operator=(const made_plan&) = delete;

    [[nodiscard]] const lutra::lowered_multiplier& plan() const noexcept { return plan_; }

private:
    std::vector<std::int16_t> lhs_, rhs_;
    std::vector<std::int32_t> table_;
    lutra::lowered_multiplier plan_;
};

/// Plans that together use everything a separable kernel knows.
inline const std::vector<lutra::lowered_multiplier>& made_plans() {
    using lutra::factor_width;
    const auto same = [](std::int8_t x) { return std::int32_t{x}; };
    const auto one = [](std::int8_t) { return std::int32_t{1}; };
    const auto high = [](std::int8_t x) { return std::int32_t{x >> 4}; };
    const auto low = [](std::int8_t x) { return std::int32_t{x & 15}; };
    const auto wide = [](std::int8_t x) { return x == -128 ? std::int32_t{-160} : std::int32_t{x}; };
    const auto far = [](std::int8_t x) { return x == -128 ? std::int32_t{3000} : std::int32_t{x}; };
    const auto twin = [](std::int8_t x) { return x == -128 ? std::int32_t{-150} : std::int32_t{x == -127 ? -128 : x}; };
    const auto square = [](std::int8_t x) { return std::int32_t{x * x / 4 - 5}; };
    static const made_plan plans[]{
        {"two digits of both", factor_width::bits8, {{high, high, 8}, {high, low, 4}, {low, high, 4}, {low, low, 0}}},
        {"all even", factor_width::bits8, {{high, same, 5}, {low, one, 3}}},
        {"not zero at zero", factor_width::bits8, {{same, same, 0}, {same, one, 0}, {one, one, 0}}},
        {"wide at -128", factor_width::bits8_but_128, {{wide, wide, 1}, {one, wide, 0}}},
        {"wide activation at -128", factor_width::bits8_but_128, {{wide, same, 0}}},
        {"wide weight at -128", factor_width::bits8_but_128, {{same, wide, 2}, {low, wide, 0}}},
        {"far activation at -128", factor_width::bits8_but_128, {{far, wide, 0}}},
        {"far weight at -128", factor_width::bits8_but_128, {{wide, far, 0}}},
        {"a weight like that of -128", factor_width::bits8_but_128, {{wide, twin, 3}}},
        {"16 bits", factor_width::bits16, {{square, same, 0}, {one, square, 0}}},
    };
    static const std::vector<lutra::lowered_multiplier> all = [] {
        std::vector<lutra::lowered_multiplier> list{lutra::lowered_multiplier{}};
        for (const made_plan& p : plans) list.push_back(p.plan());
        return list;
    }();
    return all;
}
