// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/dsm.hpp>
#include <lutra/multiplier/etm.hpp>
#include <lutra/multiplier/ssm.hpp>

#include "log_models.hpp"
#include "pairs.hpp"
#include "support/catch.hpp"

TEST_CASE("segments equal their data paths") {
    using namespace lutra;
    CHECK(differences<ssm<4>>(signed_of(static_segment_model<4, 8>)) == 0);
    CHECK(differences<ssm<5>>(signed_of(static_segment_model<5, 8>)) == 0);
    CHECK(differences<ssm<7>>(signed_of(static_segment_model<7, 8>)) == 0);
    CHECK(differences<dsm<1>>(signed_of(dynamic_segment_model<1>)) == 0);
    CHECK(differences<dsm<5>>(signed_of(dynamic_segment_model<5>)) == 0);
    CHECK(differences<dsm<7>>(signed_of(dynamic_segment_model<7>)) == 0);
    CHECK(ssm<5>::multiply(-128, -128) == 16384);
    CHECK(ssm<5>::multiply(39, 1) == 32); // 0010'0111 keeps its upper five bits
    CHECK(dsm<5>::multiply(39, 1) == 38); // ... and here the five from the leading one on
}

TEST_CASE("the error tolerant multiplier equals its data path") {
    using namespace lutra;
    CHECK(differences<etm>(signed_of(etm_model<8>)) == 0);
    CHECK(etm::multiply(15, -15) == -225);
    CHECK(etm::multiply(16, 16) == 256);
    CHECK(etm::multiply(16, 17) == 256 + 31);
    CHECK(etm::multiply(-24, 16) == -(256 + 255));
    CHECK(etm::multiply(0, 77) == 255); // the other's bits reach the lower half: not zero
}

TEST_CASE("segments commute and keep signs apart") {
    using namespace lutra;
    CHECK(commutes<ssm<5>>());
    CHECK(commutes<dsm<5>>());
    CHECK(commutes<etm>());
    CHECK(sign_symmetric<ssm<5>>());
    CHECK(sign_symmetric<dsm<5>>());
}
