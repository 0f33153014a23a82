// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/broken_array.hpp>
#include <lutra/multiplier/compressor_tree.hpp>
#include <lutra/multiplier/error_metrics.hpp>
#include <lutra/multiplier/loa_accumulated.hpp>
#include <lutra/multiplier/operand_truncated.hpp>
#include <lutra/multiplier/perforated.hpp>

#include "pairs.hpp"
#include "support/catch.hpp"

#include <array>
#include <bitset>
#include <deque>

namespace {

/// Rows of 16 bits, each ripple-added to the sum of those before it with an OR in the lowest K places.
template <int K, class Row>
auto or_accumulated(Row row) {
    return [=](std::int8_t a, std::int8_t b) {
        std::bitset<16> sum(static_cast<unsigned>(row(a, b, 0)) & 0xffffu);
        for (int i = 1; i < 8; ++i) {
            const std::bitset<16> next(static_cast<unsigned>(row(a, b, i)) & 0xffffu);
            bool carry = false;
            for (std::size_t place = 0; place < 16; ++place) {
                const bool x = sum[place], y = next[place];
                if (place < K) {
                    sum[place] = x || y;
                    carry = place == K - 1 && x && y;
                } else {
                    sum[place] = x != (y != carry);
                    carry = int{x} + int{y} + int{carry} >= 2;
                }
            }
        }
        return int{static_cast<std::int16_t>(sum.to_ulong())};
    };
}
int plain_row(std::int8_t a, std::int8_t b, int i) {
    if ((b >> i & 1) == 0) return 0;
    return (i == 7 ? -a : a) * (1 << i);
}
int broken_row(std::int8_t a, std::int8_t b, int i) { // columns below 2^4 left out
    return plain_row(i < 4 ? static_cast<std::int8_t>(a & -(1 << (4 - i))) : a, b, i);
}

using truth_table = std::array<unsigned, 16>; // what the bits x4 x3 x2 x1 count as
constexpr truth_table momeni2_table{1, 1, 1, 1, 1, 2, 2, 3, 1, 2, 2, 3, 1, 3, 3, 3};
constexpr truth_table venkatachalam_table{0, 1, 1, 2, 1, 1, 1, 3, 1, 1, 1, 3, 2, 3, 3, 3};

template <class C>
int wrong_entries(const truth_table& table) {
    int wrong = 0, total = 0;
    for (unsigned bits = 0; bits < 16; ++bits) {
        CHECK(C::compress(bits) == table[bits]);
        const int e = static_cast<int>(table[bits]) - static_cast<int>(std::bitset<4>(bits).count());
        wrong += e != 0;
        total += e < 0 ? -e : e;
    }
    CHECK(total == wrong); // never off by more than one
    return wrong;
}

/// The dot diagram with queues of bits: stage after stage, and all that is left summed in the end.
template <int N>
auto tree(const truth_table& table) {
    return [&table](std::int8_t a, std::int8_t b) {
        std::array<std::deque<unsigned>, 17> dots;
        for (int i = 0; i < 8; ++i)
            for (int j = 0; j < 8; ++j) {
                const unsigned cell = (a >> j & 1) & (b >> i & 1) ? 1u : 0u;
                dots[static_cast<std::size_t>(i + j)].push_back((i == 7) != (j == 7) ? 1u - cell : cell);
            }
        const auto full = [&] {
            for (std::size_t c = 0; c < N; ++c)
                if (dots[c].size() > 3) return true;
            return false;
        };
        while (full()) {
            auto next = dots;
            for (std::size_t c = 0; c < N; ++c) next[c].clear();
            for (std::size_t c = 0; c < N; ++c) {
                auto& in = dots[c];
                const auto take = [&in] {
                    const unsigned x = in.front();
                    in.pop_front();
                    return x;
                };
                // The carries from the right are there already.
                while (in.size() >= 4) {
                    const unsigned x1 = take(), x2 = take(), x3 = take(), x4 = take();
                    const unsigned made = table[8 * x4 + 4 * x3 + 2 * x2 + x1];
                    next[c].push_back(made % 2);
                    next[c + 1].push_back(made / 2);
                }
                if (in.size() == 3) {
                    const unsigned made = take() + take() + take();
                    next[c].push_back(made % 2);
                    next[c + 1].push_back(made / 2);
                }
                next[c].insert(next[c].end(), in.begin(), in.end());
            }
            dots = next;
        }
        unsigned sum = (1u << 8) + (1u << 15);
        for (std::size_t c = 0; c < 17; ++c)
            for (const unsigned dot : dots[c]) sum += dot << c;
        return int{static_cast<std::int16_t>(sum)};
    };
}

} // namespace

TEST_CASE("the lower-part OR adder") {
    CHECK(lutra::lower_or_add<0>(40000, 30000) == 70000 - 65536);
    CHECK(lutra::lower_or_add<4>(0x0007, 0x0005) == 0x0007); // no carry: bit 3 is not set in both
    CHECK(lutra::lower_or_add<4>(0x0018, 0x000f) == 0x002f); // a carry: it is
    CHECK(lutra::lower_or_add<15>(0x4000, 0x4000) == 0xc000);
}

TEST_CASE("OR-accumulated rows equal their ripple adders") {
    using namespace lutra;
    CHECK(differences<loa_accumulated<exact, 0>>([](std::int8_t a, std::int8_t b) { return a * b; }) == 0);
    CHECK(differences<loa_accumulated<exact, 1>>(or_accumulated<1>(plain_row)) == 0);
    CHECK(differences<loa_accumulated<exact, 7>>(or_accumulated<7>(plain_row)) == 0);
    CHECK(differences<loa_accumulated<exact, 15>>(or_accumulated<15>(plain_row)) == 0);
    CHECK(differences<loa_accumulated<broken_array<0, 4>, 6>>(or_accumulated<6>(broken_row)) == 0);
    CHECK(loa_accumulated<exact, 7>::name == "loa_accumulated7");
    CHECK(loa_accumulated<operand_truncated<1, 1>, 5>::name == "loa_accumulated5_operand_truncated1_1");
    CHECK(commutes<loa_accumulated<exact, 7>>()); // a low column is the OR of all of its cells
    CHECK(cost_of<loa_accumulated<exact, 8>>().area < cost_of<loa_accumulated<exact, 4>>().area);
    CHECK(cost_of<loa_accumulated<perforated<0, 2>, 7>>().area < cost_of<loa_accumulated<exact, 7>>().area);
}

TEST_CASE("compressors have their published truth tables and error rates") {
    CHECK(wrong_entries<lutra::compressors::momeni2>(momeni2_table) == 4);
    CHECK(wrong_entries<lutra::compressors::venkatachalam>(venkatachalam_table) == 5);
}

TEST_CASE("compressor trees equal their dot diagrams") {
    using namespace lutra;
    using compressors::momeni2, compressors::venkatachalam;
    CHECK(differences<compressor_tree<venkatachalam, 3>>([](std::int8_t a, std::int8_t b) { return a * b; }) == 0);
    CHECK(differences<compressor_tree<venkatachalam, 7>>(tree<7>(venkatachalam_table)) == 0);
    CHECK(differences<compressor_tree<venkatachalam, 15>>(tree<15>(venkatachalam_table)) == 0);
    CHECK(differences<compressor_tree<momeni2, 7>>(tree<7>(momeni2_table)) == 0);
    CHECK(differences<compressor_tree<momeni2, 10>>(tree<10>(momeni2_table)) == 0);
    CHECK(compressor_tree<momeni2, 7>::multiply(0, 0) > 0); // it makes ones of zeros
    CHECK(compressor_tree<venkatachalam, 7>::multiply(0, -77) == 0);
    CHECK(compressor_tree<momeni2, 7>::name == "compressor_momeni2_7");
}

TEST_CASE("more approximate columns, more error and less power") {
    using namespace lutra;
    using compressors::venkatachalam;
    CHECK(cost_of<compressor_tree<venkatachalam, 0>>().area == 1);
    CHECK(cost_of<compressor_tree<venkatachalam, 7>>().power < 1);
    CHECK(cost_of<compressor_tree<venkatachalam, 10>>().power < cost_of<compressor_tree<venkatachalam, 7>>().power);
    CHECK(metrics_of<compressor_tree<venkatachalam, 10>>().mae > metrics_of<compressor_tree<venkatachalam, 7>>().mae);
    CHECK(metrics_of<compressor_tree<venkatachalam, 7>>().bias < 0); // each compressor is exact or too small
}
