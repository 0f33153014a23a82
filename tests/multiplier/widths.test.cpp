// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/alm_soa.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/dsm.hpp>
#include <lutra/multiplier/etm.hpp>
#include <lutra/multiplier/ilm.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/mbm.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/multiplier/mitchell_truncated.hpp>
#include <lutra/multiplier/realm.hpp>
#include <lutra/multiplier/sampled_metrics.hpp>
#include <lutra/multiplier/ssm.hpp>

#include "log_models.hpp"
#include "pairs.hpp"
#include "support/catch.hpp"

#include <array>

namespace {

double always_five(double, double) { return 5.0 / 64; }
double never(double, double) { return 0; }

template <class M, class F>
int differences4(F circuit) {
    int n = 0;
    for (int a = -8; a < 8; ++a)
        for (int b = -8; b < 8; ++b)
            if (M::multiply(static_cast<std::int8_t>(a), static_cast<std::int8_t>(b)) != circuit(a, b)) ++n;
    return n;
}

/// The edges of each operand with all of the other's, and random pairs.
template <class M, class F>
int differences16(F circuit) {
    static_assert(std::is_same_v<typename M::lhs, std::int16_t> && lutra::lhs_bits_v<M> == 16);
    int n = 0;
    const auto pair = [&](std::int64_t x, std::int64_t y) {
        const auto a = static_cast<std::int16_t>(x), b = static_cast<std::int16_t>(y);
        if (M::multiply(a, b) != circuit(a, b)) ++n;
    };
    for (const int edge : {-32768, -32767, -16385, -16384, -256, -255, -1, 0, 1, 3, 255, 256, 16383, 16384, 24576, 32767})
        for (int other = -32768; other < 32768; other += other % 4096 == 0 ? 1 : 7) pair(edge, other), pair(other, edge);
    lutra::random_generator random{11};
    for (int i = 0; i < 100000; ++i) pair(random.between(-32768, 32767), random.between(-32768, 32767));
    return n;
}

} // namespace

TEST_CASE("4x4 circuits equal their models on every pair") {
    using namespace lutra;
    CHECK(differences4<drum<3, 4>>(signed_of(drum_model<3>)) == 0);
    CHECK(differences4<basic_mitchell<4>>(signed_of(corrected_model(never))) == 0);
    CHECK(differences4<mitchell_truncated<2, 4>>(signed_of(truncated_model<2>)) == 0);
    CHECK(differences4<alm_soa<1, 4>>(signed_of(set_one_model<1, 3>)) == 0);
    CHECK(differences4<basic_mbm<4>>(signed_of(corrected_model(always_five))) == 0);
    CHECK(differences4<realm<4, 4>>(signed_of(corrected_model(realm_correction<4>))) == 0);
    CHECK(differences4<ilm<0, 4>>(signed_of(ilm_model<0>)) == 0);
    CHECK(differences4<ssm<2, 4>>(signed_of(static_segment_model<2, 4>)) == 0);
    CHECK(differences4<dsm<2, 4>>(signed_of(dynamic_segment_model<2>)) == 0);
    CHECK(differences4<basic_etm<4>>(signed_of(etm_model<4>)) == 0);
}

TEST_CASE("16x16 circuits equal their models on edges and samples") {
    using namespace lutra;
    CHECK(differences16<drum<6, 16>>(signed_of(drum_model<6>)) == 0);
    CHECK(differences16<basic_mitchell<16>>(signed_of(corrected_model(never))) == 0);
    CHECK(differences16<mitchell_truncated<8, 16>>(signed_of(truncated_model<8>)) == 0);
    CHECK(differences16<alm_soa<11, 16>>(signed_of(set_one_model<11, 15>)) == 0);
    CHECK(differences16<basic_mbm<16>>(signed_of(corrected_model(always_five))) == 0);
    CHECK(differences16<realm<16, 16>>(signed_of(corrected_model(realm_correction<16>))) == 0);
    CHECK(differences16<ilm<1, 16>>(signed_of(ilm_model<1>)) == 0);
    CHECK(differences16<ssm<8, 16>>(signed_of(static_segment_model<8, 16>)) == 0);
    CHECK(differences16<dsm<8, 16>>(signed_of(dynamic_segment_model<8>)) == 0);
    CHECK(differences16<basic_etm<16>>(signed_of(etm_model<16>)) == 0);
}

TEST_CASE("16x16 circuits have their published mean relative errors") {
    using namespace lutra;
    const auto mre = []<class M>(M) { return sampled_metrics_of<M>(200000).mre_percent; };
    CHECK(mre(basic_mitchell<16>{}) == Approx(3.85).margin(0.02));
    CHECK(mre(basic_mbm<16>{}) == Approx(2.58).margin(0.03));
    CHECK(mre(realm<4, 16>{}) == Approx(1.38).margin(0.03));
    CHECK(mre(realm<8, 16>{}) == Approx(0.75).margin(0.03));
    CHECK(mre(realm<16, 16>{}) == Approx(0.42).margin(0.02));
    CHECK(mre(drum<6, 16>{}) == Approx(1.47).margin(0.02));
    CHECK(mre(drum<4, 16>{}) == Approx(5.89).margin(0.05));
}

TEST_CASE("sampled metrics approach those over all pairs and repeat") {
    using lutra::drum;
    const lutra::error_metrics all = lutra::metrics_of<drum<4>>(), some = lutra::sampled_metrics_of<drum<4>>(300000, 5);
    CHECK(some.mae == Approx(all.mae).epsilon(0.01));
    CHECK(some.mre_percent == Approx(all.mre_percent).epsilon(0.01));
    CHECK(some.ep_percent == Approx(all.ep_percent).epsilon(0.01));
    CHECK(some.wce <= all.wce);
    CHECK(some == lutra::sampled_metrics_of<drum<4>>(300000, 5));
    CHECK_FALSE(some == lutra::sampled_metrics_of<drum<4>>(300000, 6));
    CHECK(lutra::sampled_metrics_of<drum<4>>(0) == lutra::error_metrics{});
}

TEST_CASE("names, tables and costs of other widths") {
    using namespace lutra;
    CHECK(drum<6, 16>::name == "drum6_w16");
    CHECK(basic_mitchell<4>::name == "mitchell_w4");
    CHECK(mitchell::name == "mitchell");
    CHECK(check_multiplier<realm<16, 16>>());
    // A table takes the low bits of its operands.
    const auto l = lower(drum<3, 4>{});
    CHECK(l.multiply(7, 7) == drum<3, 4>::multiply(7, 7));
    CHECK(l.multiply(16 + 7, 15) == drum<3, 4>::multiply(7, -1));
    CHECK(metrics_of<drum<3, 4>>().wce == 36); // -8 x -8: the lowest kept bit makes 10 of 8
    CHECK(cost_of<drum<3, 4>>().area < cost_of<drum<3>>().area);
    CHECK(cost_of<drum<3>>().area < cost_of<drum<3, 16>>().area);
    CHECK(cost_of<basic_mitchell<4>>().power < cost_of<mitchell>().power);
    CHECK(cost_of<mitchell>().power < cost_of<basic_mitchell<16>>().power);
}
