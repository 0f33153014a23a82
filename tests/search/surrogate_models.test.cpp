// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/search/surrogate/gaussian_process.hpp>
#include <lutra/search/surrogate/gobi.hpp>
#include <lutra/search/surrogate/network_ensemble.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <Eigen/Dense>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace {

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

matrix random_points(Eigen::Index inputs, Eigen::Index count, std::uint64_t seed, double high = 1) {
    lutra::random_generator random{seed};
    matrix x{inputs, count};
    for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = high * random.unit();
    return x;
}
vector hilly(const matrix& x) {
    return (3 * x.row(0).array()).sin().transpose() + 0.5 * x.row(1).array().square().transpose();
}
/// Equates the derivatives of a model with central differences of its predictions.
template <class Model>
void check_gradient(const Model& model, const vector& x) {
    const lutra::prediction_gradient at = model.gradient(x);
    const lutra::prediction same = model.predict(x);
    CHECK(at.at.mean == Approx(same.mean));
    CHECK(at.at.epistemic == Approx(same.epistemic));
    CHECK(at.at.aleatoric == Approx(same.aleatoric));
    for (Eigen::Index k = 0; k < x.size(); ++k) {
        constexpr double step = 1e-5;
        vector up = x, down = x;
        up[k] += step;
        down[k] -= step;
        const lutra::prediction above = model.predict(up), below = model.predict(down);
        const auto slope = [](double a, double b) { return Approx((a - b) / (2 * step)).epsilon(1e-4).margin(1e-6); };
        CHECK(at.mean[k] == slope(above.mean, below.mean));
        CHECK(at.epistemic[k] == slope(above.epistemic, below.epistemic));
        CHECK(at.aleatoric[k] == slope(above.aleatoric, below.aleatoric));
    }
}
/// What every model refuses.
template <class Model>
void check_refusals(Model model) {
    matrix x = random_points(2, 5, 1);
    vector y = hilly(x);
    REQUIRE_PANIC(model.predict(vector::Zero(2)), empty);
    REQUIRE_PANIC(model.gradient(vector::Zero(2)), empty);
    REQUIRE(model.fit(x, y));
    const lutra::prediction before = model.predict(x.col(0));

    const auto refused = [&](lutra::error_code code) {
        CHECK(model.fit(x, y).error().code == code);
        CHECK(model.update(x, y).error().code == code);
        CHECK(model.predict(random_points(2, 5, 1).col(0)) == before);
    };
    for (const double bad : {not_a_number, infinity, -infinity, 1e200}) {
        y[3] = bad;
        refused(lutra::error_code::not_finite);
    }
    y = hilly(x);
    for (const double bad : {not_a_number, infinity, -0.01, 1.01}) {
        x(1, 2) = bad;
        refused(lutra::error_code::malformed);
    }
    REQUIRE_PANIC(model.fit(x, vector::Zero(4)), bad_shape);
    REQUIRE_PANIC(model.fit(matrix{2, 0}, vector{0}), empty);
    REQUIRE_PANIC(model.predict(vector::Zero(3)), bad_shape);
    REQUIRE_PANIC(model.predict(vector::Constant(2, not_a_number)), bad_argument);
    REQUIRE_PANIC(model.gradient(vector::Constant(2, infinity)), bad_argument);
}

} // namespace

TEST_CASE("the likelihood and predictions of a Gaussian process of two points are those computed by hand") {
    const auto [kernel, c] = GENERATE(
        std::pair{lutra::stationary_kernel::squared_exponential, std::exp(-0.125)},
        std::pair{lutra::stationary_kernel::matern52, (1 + std::sqrt(5.0) / 2 + 5.0 / 12) * std::exp(-std::sqrt(5.0) / 2)});
    lutra::gaussian_process model{{.kernel = kernel}};
    model.set_parameters(vector::Constant(1, 2), 0.25);    // the distance is half a length
    REQUIRE(model.update(matrix{{0, 1}}, vector{{3, 7}})); // -1 and 1 when standardised: an eigenvector of C
    const double less = 1.25 - c, more = 1.25 + c, signal = 1 / less;
    CHECK(model.signal() == Approx(signal));
    CHECK(model.noise() == Approx(signal / 4));
    CHECK(model.log_likelihood() ==
          Approx(-1 - 0.5 * std::log(less * more) - std::log(signal) - std::log(2 * std::numbers::pi)));

    const lutra::prediction first = model.predict(vector::Zero(1)), middle = model.predict(vector::Constant(1, 0.5));
    CHECK(middle.mean == Approx(5));
    CHECK(first.mean == Approx(5 - 2 * (1 - c) / less));
    const double explained = (1 + c) * (1 + c) / (2 * more) + (1 - c) * (1 - c) / (2 * less);
    CHECK(first.epistemic == Approx(2 * std::sqrt(signal * (1 - explained))));
    CHECK(first.aleatoric == Approx(2 * std::sqrt(signal / 4)));
}

TEST_CASE("the gradient of the likelihood equals finite differences") {
    const auto kernel = GENERATE(lutra::stationary_kernel::squared_exponential, lutra::stationary_kernel::matern52);
    const matrix x = random_points(3, 8, 2);
    const vector y = lutra::detail::standardiser{hilly(x)}(hilly(x));
    const std::vector<std::size_t> length_of{0, 1, 0};
    const lutra::detail::gp_parameters at{vector{{-0.7, 0.3}}, -3};
    const auto likelihood = [&](const lutra::detail::gp_parameters& p) {
        return lutra::detail::condition(p, kernel, length_of, x, y, false).log_likelihood;
    };
    const vector gradient = lutra::detail::condition(at, kernel, length_of, x, y, true).gradient;
    REQUIRE(gradient.size() == 3);
    for (Eigen::Index i = 0; i < 3; ++i) {
        lutra::detail::gp_parameters up = at, down = at;
        vector step = vector::Zero(3);
        step[i] = 1e-5;
        up.move(step);
        down.move(-step);
        CHECK(gradient[i] == Approx((likelihood(up) - likelihood(down)) / 2e-5).epsilon(1e-5));
    }
}

TEST_CASE("a Gaussian process interpolates, and knows less the further it is from its data") {
    const matrix x = random_points(2, 16, 3, 0.4);
    const vector y = hilly(x);
    lutra::gaussian_process model{{.length_of = {0, 1}}};
    REQUIRE(model.fit(x, y));
    const std::vector<lutra::prediction> at = model.predict_all(x);
    for (std::size_t i = 0; i < at.size(); ++i) CHECK(at[i].mean == Approx(y[static_cast<Eigen::Index>(i)]).margin(0.01));
    const auto unknown = [&](double far) { return model.predict(vector{{0.2, far}}).epistemic; };
    CHECK(unknown(0.2) < 0.02);
    CHECK(unknown(0.2) < unknown(0.6));
    CHECK(unknown(0.6) < unknown(0.8));
    CHECK(unknown(0.8) < unknown(1.0));
    CHECK(model.predict(vector{{0.3, 0.55}}).mean == Approx(hilly(matrix{{0.3}, {0.55}})[0]).margin(0.05));
    check_gradient(model, vector{{0.33, 0.7}});

    lutra::gaussian_process smooth{{.kernel = lutra::stationary_kernel::squared_exponential}};
    REQUIRE(smooth.fit(x, y));
    CHECK(smooth.lengths()[0] == smooth.lengths()[1]);
    check_gradient(smooth, vector{{0.9, 0.1}});
}

TEST_CASE("fitting raises the likelihood, finds which input matters, and tells noise from ignorance") {
    const matrix x = random_points(2, 40, 4);
    lutra::random_generator random{5};
    vector y = (4 * x.row(0).array()).sin().matrix().transpose();
    for (double& cost : y) cost += 0.4 * (random.unit() + random.unit() + random.unit() - 1.5); // a deviation of 0.2
    lutra::gaussian_process model{{.length_of = {0, 1}, .length_prior = 0}}, unfitted = model;
    unfitted.set_parameters(vector::Constant(2, 1), 1e-3);
    REQUIRE(unfitted.update(x, y));
    REQUIRE(model.fit(x, y));
    CHECK(model.log_likelihood() > unfitted.log_likelihood() + 5);
    CHECK(model.lengths()[1] > 3 * model.lengths()[0]);
    CHECK(model.predict(vector::Constant(2, 0.5)).aleatoric == Approx(0.2).margin(0.06));

    const vector lengths = model.lengths();
    REQUIRE(model.update(x.leftCols(30), y.head(30)));
    CHECK(model.lengths() == lengths);
    REQUIRE(model.fit(x.leftCols(30), y.head(30)));
    CHECK(model.lengths() != lengths);
}

TEST_CASE("a Gaussian process takes equal costs, equal points, and one point") {
    lutra::gaussian_process model;
    REQUIRE(model.fit(random_points(2, 6, 6), vector::Constant(6, 0.1)));
    CHECK(model.predict(vector::Constant(2, 0.5)).mean == Approx(0.1));
    CHECK(model.predict(vector::Constant(2, 0.5)).epistemic < 1e-3);

    REQUIRE(model.fit(matrix{{0, 0.2, 0.5, 0.5, 0.5, 0.7, 0.9, 1}}, vector{{0, 2, 3.5, 5, 6.5, 7, 9, 10}}));
    CHECK(model.predict(vector::Constant(1, 0.5)).mean == Approx(5).margin(0.1));
    CHECK(model.predict(vector::Constant(1, 0.5)).aleatoric > 0.5);

    REQUIRE(model.fit(vector::Constant(2, 0.5), vector::Constant(1, -8)));
    CHECK(model.predict(vector::Zero(2)).mean == Approx(-8));
}

TEST_CASE("a model of few of many points is searched for with the few") {
    const matrix x = random_points(2, 30, 7);
    lutra::gaussian_process few{{.most_fitted = 10}}, all;
    REQUIRE(few.fit(x, hilly(x)));
    REQUIRE(all.fit(x, hilly(x)));
    CHECK(few.lengths() != all.lengths());
    CHECK(few.predict(x.col(1)).mean == Approx(hilly(x)[1]).margin(0.02)); // but learns all of them
}

TEST_CASE("a Gaussian process refuses what it cannot learn") {
    check_refusals(lutra::gaussian_process{});
    REQUIRE_PANIC(lutra::gaussian_process{{.steps = 0}}, bad_argument);
    REQUIRE_PANIC(lutra::gaussian_process{{.length_prior = -1}}, bad_argument);
    REQUIRE_PANIC(lutra::gaussian_process{{.most_fitted = 1}}, bad_argument);
    lutra::gaussian_process other{{.length_of = {0, 1, 2}}};
    REQUIRE_PANIC(other.fit(random_points(2, 3, 1), vector::Zero(3)), bad_shape);
    REQUIRE_PANIC(other.set_parameters(vector::Zero(3), 0.1), bad_argument);
    REQUIRE_PANIC(other.set_parameters(vector::Constant(3, not_a_number), 0.1), bad_argument);
    REQUIRE_PANIC(other.set_parameters(vector::Ones(3), infinity), bad_argument);
    lutra::gaussian_process too_many{{.length_of = {0, 2}}};
    REQUIRE_PANIC(too_many.fit(random_points(2, 3, 1), vector::Zero(3)), out_of_range);
}

namespace {
constexpr lutra::network_ensemble_options small{.members = 3, .hidden = 8, .steps = 250, .batch = 16, .seed = 3};
}

TEST_CASE("the derivatives of an ensemble equal finite differences, and a seed gives one ensemble") {
    const matrix x = random_points(3, 20, 8);
    lutra::network_ensemble model{small}, same{small};
    auto reseeded = small;
    reseeded.seed = 30;
    lutra::network_ensemble other{reseeded};
    REQUIRE(model.fit(x, hilly(x)));
    REQUIRE(same.fit(x, hilly(x)));
    REQUIRE(other.fit(x, hilly(x)));
    const vector at{{0.3, 0.6, 0.9}};
    check_gradient(model, at);
    CHECK(same.predict(at) == model.predict(at));
    CHECK(other.predict(at) != model.predict(at));
    CHECK(model.predict(x.col(0)).mean == Approx(hilly(x)[0]).margin(0.1));
}

TEST_CASE("an ensemble learns where costs scatter, and knows less away from its data") {
    const matrix x = 0.25 + 0.5 * random_points(1, 120, 9).array();
    lutra::random_generator random{10};
    vector y = x.row(0).transpose();
    for (Eigen::Index i = 0; i < y.size(); ++i) y[i] += (x(0, i) < 0.5 ? 0.05 : 0.5) * (2 * random.unit() - 1);
    lutra::network_ensemble model{small};
    REQUIRE(model.fit(x, y));
    const auto at = [&](double where) { return model.predict(vector::Constant(1, where)); };
    CHECK(at(0.65).aleatoric == Approx(0.5 / std::sqrt(3.0)).margin(0.1));
    CHECK(at(0.35).aleatoric < 0.12);
    CHECK(at(0.0).epistemic > 2 * at(0.35).epistemic);
    CHECK(at(0.35).mean == Approx(0.35).margin(0.1));

    const double before = std::abs(at(0.35).mean - 3.35);
    REQUIRE(model.update(x, (y.array() + 3).matrix()));
    CHECK(std::abs(at(0.35).mean - 3.35) < 0.1 * before);
}

TEST_CASE("a conservative ensemble promises less where it has seen nothing, and nothing where it is infeasible") {
    // The cost falls towards a corner that no design was near.
    const matrix x = random_points(2, 40, 11, 0.6), infeasible = 1 - 0.2 * random_points(2, 8, 12).array();
    const vector y = -x.colwise().sum().transpose();
    lutra::network_ensemble plain{small};
    auto careful = small;
    careful.caution.mined_price = 1;
    lutra::network_ensemble wary{careful};
    careful.caution = {.infeasible_price = 1};
    lutra::network_ensemble warned{careful};
    REQUIRE(plain.fit(x, y, infeasible));
    REQUIRE(wary.fit(x, y));
    REQUIRE(warned.fit(x, y, infeasible));

    const vector adversarial = lutra::gobi(
                                   [&](const vector& at) {
                                       const lutra::prediction_gradient p = plain.gradient(at);
                                       return lutra::valued_gradient{p.at.mean, p.mean};
                                   },
                                   x.col(0))
                                   .first;
    const double promised = plain.predict(adversarial).mean;
    CHECK(promised < y.minCoeff() - 0.1);
    CHECK(wary.predict(adversarial).mean > promised + 0.1);
    CHECK(warned.predict(vector::Constant(2, 0.9)).mean > plain.predict(vector::Constant(2, 0.9)).mean + 0.5);
    // Where there are designs, all say much the same.
    CHECK(warned.predict(vector::Constant(2, 0.3)).mean == Approx(-0.6).margin(0.15));
    CHECK(wary.predict(vector::Constant(2, 0.3)).mean == Approx(-0.6).margin(0.25));
}

TEST_CASE("an ensemble refuses what it cannot learn") {
    auto quick = small;
    quick.steps = 3;
    check_refusals(lutra::network_ensemble{quick});
    lutra::network_ensemble model{quick};
    REQUIRE_PANIC(model.fit(random_points(2, 3, 1), vector::Zero(3), random_points(3, 1, 1)), bad_shape);
    CHECK(model.fit(random_points(2, 3, 1), vector::Zero(3), matrix::Constant(2, 1, not_a_number)).error().code ==
          lutra::error_code::malformed);
    REQUIRE_PANIC(lutra::network_ensemble{{.members = 0}}, bad_argument);
    REQUIRE_PANIC(lutra::network_ensemble{{.hidden = 0}}, bad_argument);
    REQUIRE_PANIC(lutra::network_ensemble{{.steps = 0}}, bad_argument);
    REQUIRE_PANIC(lutra::network_ensemble{{.batch = 0}}, bad_argument);
    REQUIRE_PANIC(lutra::network_ensemble{{.rate = 0}}, bad_argument);
    REQUIRE_PANIC(lutra::network_ensemble{{.caution = {.mined_price = -1}}}, bad_argument);
}
