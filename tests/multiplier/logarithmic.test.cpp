// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/alm_soa.hpp>
#include <lutra/multiplier/error_metrics.hpp>
#include <lutra/multiplier/ilm.hpp>
#include <lutra/multiplier/mbm.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/multiplier/mitchell_truncated.hpp>
#include <lutra/multiplier/realm.hpp>

#include "log_models.hpp"
#include "pairs.hpp"
#include "support/catch.hpp"

#include <cstdlib>

namespace {

double always_five(double, double) { return 5.0 / 64; }

/// The largest relative error, over pairs whose product is not zero.
template <class M>
double worst_relative() {
    double worst = 0;
    failures([&](std::int8_t a, std::int8_t b) {
        if (a != 0 && b != 0) worst = std::max(worst, std::abs(M::multiply(a, b) - a * b) / std::abs(double(a) * b));
        return true;
    });
    return worst;
}

} // namespace

TEST_CASE("truncated logarithms equal their model") {
    using namespace lutra;
    CHECK(differences<mitchell_truncated<1>>(signed_of(truncated_model<1>)) == 0);
    CHECK(differences<mitchell_truncated<4>>(signed_of(truncated_model<4>)) == 0);
    CHECK(differences<mitchell_truncated<6>>(signed_of(truncated_model<6>)) == 0);
    CHECK(differences<mitchell_truncated<7>>([](std::int8_t a, std::int8_t b) { return mitchell::multiply(a, b); }) == 0);
}

TEST_CASE("the set-one adder equals its model") {
    using namespace lutra;
    CHECK(differences<alm_soa<1>>(signed_of(set_one_model<1, 7>)) == 0);
    CHECK(differences<alm_soa<4>>(signed_of(set_one_model<4, 7>)) == 0);
    CHECK(differences<alm_soa<7>>(signed_of(set_one_model<7, 7>)) == 0);
    CHECK(alm_soa<4>::multiply(1, 1) == 1);
    CHECK(alm_soa<4>::multiply(64, 64) == 4096 + 15 * 32); // four ones below 2^12
    CHECK(alm_soa<4>::multiply(0, -128) == 0);
}

TEST_CASE("corrected logarithms equal their models") {
    using namespace lutra;
    CHECK(differences<mbm>(signed_of(corrected_model(always_five))) == 0);
    CHECK(differences<realm<1>>(signed_of(corrected_model(realm_correction<1>))) == 0);
    CHECK(differences<realm<2>>(signed_of(corrected_model(realm_correction<2>))) == 0);
    CHECK(differences<realm<4>>(signed_of(corrected_model(realm_correction<4>))) == 0);
    CHECK(differences<realm<8>>(signed_of(corrected_model(realm_correction<8>))) == 0);
    CHECK(mbm::multiply(-128, -128) == 16384 + 1280);
    CHECK(realm<4>::multiply(0, 5) == 0);
    for (const auto s : realm<16>::corrections) CHECK(s < 16); // the four bits that the circuit is counted with
}

TEST_CASE("more hardware, less error") {
    using namespace lutra;
    const double plain = metrics_of<mitchell>().mre_percent, constant = metrics_of<mbm>().mre_percent,
                 four = metrics_of<realm<4>>().mre_percent, eight = metrics_of<realm<8>>().mre_percent;
    CHECK(constant < plain);
    CHECK(four < constant);
    CHECK(eight < four);
    CHECK(metrics_of<mitchell_truncated<5>>().mre_percent < metrics_of<mitchell_truncated<4>>().mre_percent);
}

TEST_CASE("the iterative multiplier equals its blocks and keeps its published bounds") {
    using namespace lutra;
    CHECK(differences<ilm<0>>(signed_of(ilm_model<0>)) == 0);
    CHECK(differences<ilm<1>>(signed_of(ilm_model<1>)) == 0);
    CHECK(differences<ilm<2>>(signed_of(ilm_model<2>)) == 0);
    CHECK(differences<ilm<7>>([](std::int8_t a, std::int8_t b) { return a * b; }) == 0);
    CHECK(worst_relative<ilm<0>>() < 0.25);
    CHECK(worst_relative<ilm<0>>() > 0.24);
    CHECK(worst_relative<ilm<1>>() < 0.0625);
    CHECK(worst_relative<ilm<1>>() > 0.058);
    CHECK(worst_relative<ilm<2>>() < 0.015625);
    CHECK(worst_relative<mitchell>() == Approx(1.0 / 9)); // 3 x 3 = 8
    CHECK(failures([](std::int8_t a, std::int8_t b) { return separable_product<ilm<2>>(a, b) == ilm<2>::multiply(a, b); }) ==
          0);
}

TEST_CASE("logarithmic multipliers commute and keep signs apart") {
    using namespace lutra;
    CHECK(commutes<mitchell_truncated<4>>());
    CHECK(commutes<alm_soa<4>>());
    CHECK(commutes<mbm>());
    CHECK(commutes<realm<4>>());
    CHECK(commutes<ilm<1>>());
    CHECK(sign_symmetric<alm_soa<4>>());
    CHECK(sign_symmetric<realm<4>>());
    CHECK(sign_symmetric<ilm<1>>());
}
