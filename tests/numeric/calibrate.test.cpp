// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/numeric/calibrate.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

using lutra::activation_histogram;
using lutra::calibrated_max;
using lutra::calibrator;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();

std::vector<float> bell(std::size_t n, std::uint64_t seed, double spread = 1) {
    lutra::random_generator random{seed};
    std::vector<float> x(n);
    for (float& v : x) {
        double sum = -6;
        for (int i = 0; i < 12; ++i) sum += random.unit();
        v = static_cast<float>(sum * spread);
    }
    return x;
}
activation_histogram histogram_of(std::span<const float> x) {
    activation_histogram h;
    h.add(x);
    return h;
}
bool same(const activation_histogram& a, const activation_histogram& b) {
    return std::ranges::equal(a.counts(), b.counts()) && a.width() == b.width() && a.size() == b.size() &&
           a.zeros() == b.zeros() && a.non_finite() == b.non_finite() && a.max() == b.max();
}

// The definitions, bin by bin: what clipping after `bins` bins costs.
double squared_error(const activation_histogram& h, std::size_t bins) {
    const double step = static_cast<double>(bins) / 127;
    double sum = 0;
    for (std::size_t b = 0, used = h.used_bins(); b < used; ++b) {
        const double x = static_cast<double>(b) + 0.5, q = std::min(127.0, std::floor(x / step + 0.5)) * step;
        sum += static_cast<double>(h.counts()[b] - (b == 0 ? h.zeros() : 0)) * (x - q) * (x - q);
    }
    return sum;
}
double divergence(const activation_histogram& h, std::size_t bins) {
    std::vector<double> p(bins), sum(128), used(128), q(bins);
    for (std::size_t b = 0; b < bins; ++b) {
        p[b] = static_cast<double>(h.counts()[b] - (b == 0 ? h.zeros() : 0));
        sum[b * 128 / bins] += p[b], used[b * 128 / bins] += p[b] != 0;
    }
    for (std::size_t b = 0; b < bins; ++b)
        if (p[b] != 0) q[b] = sum[b * 128 / bins] / used[b * 128 / bins];
    for (std::size_t b = bins, end = h.used_bins(); b < end; ++b) p[bins - 1] += static_cast<double>(h.counts()[b]);
    const double p_sum = std::accumulate(p.begin(), p.end(), 0.0), q_sum = std::accumulate(q.begin(), q.end(), 0.0);
    double total = 0;
    for (std::size_t b = 0; b < bins; ++b)
        if (p[b] != 0) total += q[b] == 0 ? double{infinity} : p[b] / p_sum * std::log(p[b] / p_sum / (q[b] / q_sum));
    return total;
}
// How many of some candidates, the neighbours of the chosen one among them, are better than it.
template <class Cost>
int better_than(std::size_t chosen, std::size_t least, const activation_histogram& h, Cost cost) {
    const double at_chosen = cost(h, chosen);
    int better = 0;
    for (std::size_t bins = h.used_bins(); bins >= least; --bins)
        if (bins % 31 == 0 || (bins + 3 >= chosen && bins <= chosen + 3))
            better += cost(h, bins) < at_chosen - 1e-9 * std::abs(at_chosen);
    return better;
}

} // namespace

TEST_CASE("a histogram depends on its values, not on order, batches or merging") {
    auto x = bell(5000, 8);
    x[17] = 1e6f, x[4000] = -3e-9f, x[1234] = 0.0f, x[99] = not_a_number,
    x[4999] = -infinity; // the range grows late and far
    const auto whole = histogram_of(x);
    CHECK(whole.size() == 4998);
    CHECK(whole.zeros() == 1);
    CHECK(whole.non_finite() == 2);
    CHECK(whole.max() == 1e6f);
    CHECK(whole.used_bins() > 2048);

    std::vector<float> sorted = x;
    std::ranges::sort(sorted, {}, [](float v) { return std::isnan(v) ? infinity : std::abs(v); });
    CHECK(same(whole, histogram_of(sorted)));
    std::ranges::reverse(sorted);
    CHECK(same(whole, histogram_of(sorted)));
    activation_histogram one_by_one;
    for (const float& v : x) one_by_one.add({&v, 1});
    CHECK(same(whole, one_by_one));

    std::vector<activation_histogram> parts;
    const std::span all{x};
    for (const auto& [from, to] : {std::pair{0, 10}, {10, 700}, {700, 700}, {700, 5000}})
        parts.push_back(histogram_of(all.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from))));
    auto left = parts[0], right = parts[2], backwards = parts[3];
    left.merge(parts[1]), left.merge(parts[2]), left.merge(parts[3]);
    right.merge(parts[3]), parts[1].merge(right), parts[0].merge(parts[1]);
    CHECK(same(whole, left));
    CHECK(same(whole, parts[0]));
    backwards.merge(histogram_of(all.first(700)));
    CHECK(same(whole, backwards));
}

TEST_CASE("each bin holds the magnitudes that it says") {
    for (const double spread : {1.0, 1e-20, 1e20, 1e37}) {
        const auto x = bell(3000, 9, spread);
        const auto h = histogram_of(x);
        std::vector<std::uint64_t> counts(activation_histogram::bin_count);
        for (const float v : x) ++counts[static_cast<std::size_t>(std::abs(static_cast<double>(v)) / h.width())];
        CHECK(std::ranges::equal(counts, h.counts()));
        CHECK(h.used_bins() > 2048);
    }
    const auto extreme = histogram_of(std::array{std::numeric_limits<float>::max(), 1e-45f});
    CHECK(extreme.counts()[activation_histogram::bin_count - 1] == 1);
    CHECK(extreme.counts()[0] == 1);
}

TEST_CASE("non-finite values are reported, not calibrated on") {
    auto h = histogram_of(std::array{1.0f, not_a_number, infinity});
    CHECK(calibrated_max(h, calibrator::max) == 1.0f);
    const auto status = h.all_finite();
    REQUIRE(!status);
    CHECK(status.error().code == lutra::error_code::not_finite);
    CHECK(std::string{status.error().message.view()}.find("2 of 3") != std::string::npos);
    CHECK(histogram_of(std::array{1.0f}).all_finite());
    REQUIRE_PANIC(calibrated_max({}, calibrator::max), empty);
    REQUIRE_PANIC(calibrated_max(histogram_of(std::array{not_a_number}), calibrator::mse), empty);
}

TEST_CASE("percentile leaves at most its share above") {
    const auto x = bell(100000, 10);
    const auto h = histogram_of(x);
    for (const double percentile : {50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
        const float edge = calibrated_max(h, calibrator::percentile, percentile);
        const auto share = [&](double limit) {
            return 100.0 * static_cast<double>(std::ranges::count_if(x, [&](float v) { return std::abs(v) < limit; })) /
                   100000;
        };
        CHECK(share(std::nextafter(static_cast<double>(edge), 1e9)) >= percentile);
        CHECK(share(static_cast<double>(edge) - h.width()) < percentile);
    }
    CHECK(calibrated_max(h, calibrator::percentile, 100) == h.max());
    for (const double bad : {0.0, -1.0, 100.5, std::numeric_limits<double>::quiet_NaN()})
        REQUIRE_PANIC(calibrated_max(h, calibrator::percentile, bad), bad_argument);
}

TEST_CASE("mse and entropy find what trying the candidates finds") {
    auto relu = bell(20000, 12);
    for (float& v : relu) v = std::max(v, 0.0f);
    auto outlier = bell(200000, 13);
    outlier[5] = -24.0f;
    auto heavy = bell(50000, 14); // tails that are worth clipping
    for (float& v : heavy) v *= v * v;
    for (const auto& x : {bell(20000, 11), relu, outlier, heavy}) {
        const auto h = histogram_of(x);
        const auto bins = [&](calibrator c) {
            return static_cast<std::size_t>(std::ceil(calibrated_max(h, c) / h.width()));
        };
        CHECK(better_than(bins(calibrator::mse), 1, h, squared_error) == 0);
        CHECK(better_than(bins(calibrator::entropy), 128, h, divergence) == 0);
        CHECK(bins(calibrator::entropy) >= 128);
    }
    const auto h = histogram_of(outlier);
    CHECK(calibrated_max(h, calibrator::max) == 24.0f);
    CHECK(calibrated_max(h, calibrator::mse) < 12.0f);
    CHECK(calibrated_max(h, calibrator::mse) > 4.0f);
}

TEST_CASE("tensors of zeros and of one value calibrate") {
    for (const calibrator c : {calibrator::max, calibrator::percentile, calibrator::mse, calibrator::entropy}) {
        CHECK(calibrated_max(histogram_of(std::vector<float>(1000)), c) == 0.0f);
        CHECK(lutra::calibrated_scale(histogram_of(std::vector<float>(1000)), c) == 1.0f);
        const float same = calibrated_max(histogram_of(std::vector<float>(1000, -0.75f)), c);
        CHECK(same <= 0.75f);
        CHECK(same > 0.74f);
        CHECK(calibrated_max(histogram_of(std::array{1e-45f}), c) <= 1e-45f);
    }
}

TEST_CASE("calibrators are known by name") {
    for (const auto name : lutra::calibrator_names) {
        const auto c = lutra::parse_calibrator(name);
        REQUIRE(c);
        CHECK(to_string(*c) == name);
    }
    const auto unknown = lutra::parse_calibrator("entropy\n");
    REQUIRE(!unknown);
    CHECK(unknown.error().code == lutra::error_code::unknown_name);
    CHECK(unknown.error().message.view() ==
          "no calibrator is called 'entropy?'; expected one of max percentile mse entropy");
}
