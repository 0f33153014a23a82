// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/builtin_multipliers.hpp>

#include "pairs.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <type_traits>

namespace {

/// The signed array, cell by cell: bit j of the activation, bit i of the weight; sign bits weigh -2^7.
template <class Keep>
auto cells(Keep keep) {
    return [=](std::int8_t a, std::int8_t b) {
        int sum = 0;
        for (int j = 0; j < 8; ++j)
            for (int i = 0; i < 8; ++i)
                if (keep(j, i) && (a >> j & 1) != 0 && (b >> i & 1) != 0)
                    sum += ((j == 7) != (i == 7) ? -1 : 1) * (1 << (i + j));
        return sum;
    };
}

template <int K>
unsigned drum_datapath(unsigned a, unsigned b) {
    int shift = 0;
    for (unsigned* m : {&a, &b})
        if (*m >> K != 0) {
            int s = 0;
            while (*m >> K != 0) {
                *m >>= 1;
                ++s;
            }
            *m = *m % 2 == 0 ? *m + 1 : *m;
            shift += s;
        }
    return (a * b) << shift;
}

/// Characteristic and fraction in one fixed-point number, added, and turned back: the circuit of the paper.
unsigned mitchell_datapath(unsigned a, unsigned b) {
    if (a == 0 || b == 0) return 0;
    unsigned log = 0;
    for (unsigned m : {a, b}) {
        unsigned k = 7;
        while ((m & 128u) == 0) {
            m *= 2;
            --k;
        }
        log += k * 128 + (m & 127u);
    }
    return ((128u + log % 128) << (log / 128)) >> 7;
}

/// The rounding of the paper bit by bit: a one goes up where the two bits below are set, stays where the next is not.
unsigned roba_round(unsigned m) {
    unsigned r = 0;
    for (int i = 0; i < 9; ++i) {
        const auto bit = [&](int n) { return n >= 0 && (m >> n & 1u) != 0; };
        const bool none_above = (m >> (i + 1)) == 0;
        const bool goes_up = i >= 3 && !bit(i) && bit(i - 1) && bit(i - 2), stays = bit(i) && (i < 2 || !bit(i - 1));
        if (none_above && (goes_up || stays)) r |= 1u << i;
    }
    return r;
}
unsigned roba_datapath(unsigned a, unsigned b) {
    unsigned left = 0, right = 0, both = 0;
    for (int i = 0; i < 9; ++i) {
        if ((roba_round(a) >> i & 1u) != 0) left = b << i, both = roba_round(b) << i;
        if ((roba_round(b) >> i & 1u) != 0) right = a << i;
    }
    return left + right - both;
}

/// 2x2 blocks from their truth table, four of half the size to each larger block.
template <int Bits>
unsigned kulkarni_blocks(unsigned a, unsigned b) {
    if constexpr (Bits == 2) {
        constexpr std::array<unsigned, 16> block{0, 0, 0, 0, 0, 1, 2, 3, 0, 2, 4, 6, 0, 3, 6, 7};
        return block[4 * a + b];
    } else {
        constexpr int half = Bits / 2;
        const unsigned ah = a >> half, al = a & ((1u << half) - 1), bh = b >> half, bl = b & ((1u << half) - 1);
        return (kulkarni_blocks<half>(ah, bh) << Bits) + (kulkarni_blocks<half>(ah, bl) << half) +
               (kulkarni_blocks<half>(al, bh) << half) + kulkarni_blocks<half>(al, bl);
    }
}

} // namespace

TEST_CASE("array circuits equal the sum of the cells that they keep") {
    using namespace lutra;
    CHECK(differences<exact>(cells([](int, int) { return true; })) == 0);
    CHECK(differences<operand_truncated<1, 1>>(cells([](int j, int i) { return j >= 1 && i >= 1; })) == 0);
    CHECK(differences<operand_truncated<3, 0>>(cells([](int j, int) { return j >= 3; })) == 0);
    CHECK(differences<operand_truncated<2, 7>>(cells([](int j, int i) { return j >= 2 && i >= 7; })) == 0);
    CHECK(differences<perforated<0, 2>>(cells([](int, int i) { return i >= 2; })) == 0);
    CHECK(differences<perforated<1, 2>>(cells([](int, int i) { return i < 1 || i > 2; })) == 0);
    CHECK(differences<perforated<6, 2>>(cells([](int, int i) { return i < 6; })) == 0);
    CHECK(differences<broken_array<0, 0>>(cells([](int, int) { return true; })) == 0);
    CHECK(differences<broken_array<0, 4>>(cells([](int j, int i) { return i + j >= 4; })) == 0);
    CHECK(differences<broken_array<2, 6>>(cells([](int j, int i) { return i >= 2 && i + j >= 6; })) == 0);
    CHECK(differences<broken_array<0, 8>>(cells([](int j, int i) { return i + j >= 8; })) == 0);
    CHECK(differences<broken_array<3, 12>>(cells([](int j, int i) { return i >= 3 && i + j >= 12; })) == 0);
    CHECK(differences<broken_array<7, 14>>(cells([](int j, int i) { return i == 7 && j == 7; })) == 0);
}

TEST_CASE("magnitude circuits equal their published data paths") {
    using namespace lutra;
    CHECK(differences<drum<2>>(signed_of(drum_datapath<2>)) == 0);
    CHECK(differences<drum<3>>(signed_of(drum_datapath<3>)) == 0);
    CHECK(differences<drum<4>>(signed_of(drum_datapath<4>)) == 0);
    CHECK(differences<drum<5>>(signed_of(drum_datapath<5>)) == 0);
    CHECK(differences<drum<6>>(signed_of(drum_datapath<6>)) == 0);
    CHECK(differences<drum<7>>(signed_of(drum_datapath<7>)) == 0);
    CHECK(differences<mitchell>(signed_of(mitchell_datapath)) == 0);
    CHECK(differences<roba>(signed_of(roba_datapath)) == 0);
    CHECK(differences<kulkarni>(signed_of(kulkarni_blocks<8>)) == 0);
}

TEST_CASE("-128 enters a magnitude circuit as 128") {
    using namespace lutra;
    CHECK(drum<4>::multiply(-128, 1) == -144); // 1001 0000: the lowest kept bit is set
    CHECK(drum<3>::multiply(-128, -128) == 160 * 160);
    CHECK(mitchell::multiply(-128, -128) == 16384);
    CHECK(roba::multiply(-128, 127) == -16256);
    CHECK(kulkarni::multiply(-128, -127) == 16256);
    CHECK(operand_truncated<3, 3>::multiply(-128, -1) == 1024); // -1 rounds down to -8
}

TEST_CASE("known products") {
    using namespace lutra;
    CHECK(drum<4>::multiply(100, 3) == 312); // 110'0100 -> 1101 << 3
    CHECK(mitchell::multiply(3, 3) == 8);
    CHECK(roba::multiply(3, 3) == 8);  // 3 rounds to 2
    CHECK(roba::multiply(6, 6) == 32); // 6 rounds to 8
    CHECK(kulkarni::multiply(-3, 3) == -7);
    CHECK(perforated<0, 1>::multiply(5, 7) == 30);
}

TEST_CASE("commutativity: the left operand is the activation, the right one the weight") {
    using namespace lutra;
    CHECK(commutes<exact>());
    CHECK(commutes<operand_truncated<2, 2>>());
    CHECK(commutes<drum<4>>());
    CHECK(commutes<mitchell>());
    CHECK(commutes<roba>());
    CHECK(commutes<kulkarni>());
    CHECK(commutes<broken_array<0, 6>>());
    CHECK_FALSE(commutes<broken_array<2, 6>>());
    CHECK_FALSE(commutes<perforated<0, 2>>());
    CHECK_FALSE(commutes<operand_truncated<3, 0>>());
    CHECK(operand_truncated<3, 0>::multiply(7, 9) == 0);  // the activation lost its bits,
    CHECK(operand_truncated<3, 0>::multiply(9, 7) == 56); // the weight did not
    CHECK(perforated<0, 2>::multiply(9, 3) == 0);
    CHECK(perforated<0, 2>::multiply(3, 9) == 24);
}

TEST_CASE("sign symmetry") {
    using namespace lutra;
    CHECK(sign_symmetric<exact>());
    CHECK(sign_symmetric<drum<3>>());
    CHECK(sign_symmetric<drum<6>>());
    CHECK(sign_symmetric<mitchell>());
    CHECK(sign_symmetric<roba>());
    CHECK(sign_symmetric<kulkarni>());
    CHECK_FALSE(sign_symmetric<operand_truncated<1, 1>>()); // two's complement rounds down
    CHECK_FALSE(sign_symmetric<broken_array<0, 4>>());
}

TEST_CASE("separable multipliers keep their claim on every pair") {
    int separable = 0;
    lutra::for_each_builtin([&]<lutra::multiplier M>(M) {
        if constexpr (lutra::separable_multiplier<M>) {
            ++separable;
            INFO(M::name);
            CHECK(failures([](std::int8_t a, std::int8_t b) {
                return lutra::separable_product<M>(a, b) == M::multiply(a, b);
            }) == 0);
        }
    });
    CHECK(separable == 15); // the truncations, drum, roba, kulkarni, dsm, ssm and ilm
}

TEST_CASE("the list of built-in multipliers") {
    std::string_view previous, first;
    std::size_t n = 0;
    lutra::for_each_builtin([&]<lutra::multiplier M>(M) {
        if (n++ == 0) first = M::name;
        CHECK(M::name != previous);
        // Zero stays zero but in etm, where the other operand alone fills the lower half of the product.
        CHECK((M::multiply(0, 77) == 0) == !std::is_same_v<M, lutra::etm>);
        CHECK((M::multiply(77, 0) == 0) == !std::is_same_v<M, lutra::etm>);
        previous = M::name;
    });
    CHECK(n == lutra::builtin_multipliers::size);
    CHECK(n == 26);
    CHECK(first == "exact");
    CHECK(lutra::operand_truncated<2, 2>::name == "operand_truncated2_2");
    CHECK(lutra::drum<4>::name == "drum4");
    CHECK(lutra::perforated<1, 2>::name == "perforated1_2");
    CHECK(lutra::broken_array<0, 14>::name == "broken_array0_14");
}
