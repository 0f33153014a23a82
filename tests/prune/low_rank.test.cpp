// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/prune/low_rank.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using lutra::matrix_view;

struct decomposition {
    std::size_t rows, cols;
    std::size_t side = std::min(rows, cols);
    std::vector<float> w = {};
    std::vector<double> values = std::vector<double>(side), vectors = std::vector<double>(side * side);

    void run() {
        const lutra::arena_memory memory{lutra::singular_values_scratch_bytes(rows, cols)};
        lutra::arena scratch{memory.bytes()};
        lutra::singular_values(matrix_view{w.data(), rows, cols}, values, matrix_view{vectors.data(), side, side}, scratch);
        CHECK(scratch.used() == 0);
    }
    /// The squared error of W by U V of a rank.
    double error(std::size_t rank) const {
        std::vector<float> u(rows * rank), v(rank * cols);
        lutra::low_rank(matrix_view{w.data(), rows, cols}, {vectors.data(), side, side}, matrix_view{u.data(), rows, rank},
                        matrix_view{v.data(), rank, cols});
        double sum = 0;
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < cols; ++j) {
                double x = static_cast<double>(w[i * cols + j]);
                for (std::size_t r = 0; r < rank; ++r)
                    x -= static_cast<double>(u[i * rank + r]) * static_cast<double>(v[r * cols + j]);
                sum += x * x;
            }
        return sum;
    }
    double tail(std::size_t rank) const {
        double sum = 0;
        for (std::size_t i = side; i-- > rank;) sum += values[i] * values[i];
        return sum;
    }
};

/// Random weights of a given rank, with integer entries, so that the rank is exact.
decomposition random_matrix(std::size_t rows, std::size_t cols, std::size_t rank, std::uint64_t seed) {
    lutra::random_generator random{seed};
    decomposition d{rows, cols};
    d.w.resize(rows * cols);
    std::vector<float> u(rows * rank), v(rank * cols);
    for (float& x : u) x = static_cast<float>(random.between(-9, 9));
    for (float& x : v) x = static_cast<float>(random.between(-9, 9));
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t r = 0; r < rank; ++r)
            for (std::size_t j = 0; j < cols; ++j) d.w[i * cols + j] += u[i * rank + r] * v[r * cols + j];
    d.run();
    return d;
}

} // namespace

TEST_CASE("singular vectors are orthonormal, and the error of a rank is its tail's energy") {
    std::uint64_t seed = 0;
    for (const auto& [rows, cols] :
         {std::pair{1u, 1u}, {1u, 9u}, {9u, 1u}, {12u, 12u}, {17u, 40u}, {40u, 17u}, {33u, 65u}}) {
        const auto d = random_matrix(rows, cols, std::min(rows, cols), ++seed);
        INFO(rows << " x " << cols);
        CHECK(std::is_sorted(d.values.rbegin(), d.values.rend()));
        double squares = 0, worst = 0;
        for (const float x : d.w) squares += static_cast<double>(x) * static_cast<double>(x);
        CHECK(d.tail(0) == Approx(squares).epsilon(1e-12));
        for (std::size_t i = 0; i < d.side; ++i)
            for (std::size_t j = 0; j < d.side; ++j) {
                double dot = 0;
                for (std::size_t k = 0; k < d.side; ++k) dot += d.vectors[i * d.side + k] * d.vectors[j * d.side + k];
                worst = std::max(worst, std::fabs(dot - (i == j ? 1 : 0)));
            }
        CHECK(worst < 1e-12);
        for (const std::size_t rank : {std::size_t{0}, std::size_t{1}, d.side / 2, d.side})
            CHECK(d.error(std::min(rank, d.side)) == Approx(d.tail(std::min(rank, d.side))).margin(1e-11 * squares));
    }
}

TEST_CASE("the rank of a matrix shows in its singular values") {
    for (const std::size_t rank : {0u, 1u, 5u, 20u}) {
        const auto d = random_matrix(24, 60, rank, 100 + rank);
        for (std::size_t i = 0; i < d.side; ++i) CHECK((i < rank ? d.values[i] > 1 : d.values[i] <= 1e-9 * d.values[0]));
        CHECK(lutra::rank_for_energy(d.values, 1 - 1e-15) == rank);
        CHECK(d.error(rank) <= 1e-10 * d.tail(0));
    }
}

TEST_CASE("known singular values are found") {
    decomposition d{2, 3};
    d.w = {3, 0, 0, 0, 4, 0};
    d.run();
    CHECK(d.values[0] == Approx(4).epsilon(1e-15));
    CHECK(d.values[1] == Approx(3).epsilon(1e-15));
    d.w = {1, 1, 0, 1, -1, 1e-20f}; // far apart columns
    d.run();
    CHECK(d.values[0] * d.values[1] == Approx(2).epsilon(1e-14));
    d.w = {1, 0, 0, 0, 1e-30f, 0};
    d.run();
    CHECK(d.values[1] == Approx(1e-30).epsilon(1e-6));
}

TEST_CASE("weights are decomposed and factored at once") {
    const auto d = random_matrix(17, 40, 17, 9);
    for (const std::size_t rank : {1u, 5u, 17u}) {
        std::vector<float> u(17 * rank), v(rank * 40), u2 = u, v2 = v;
        const lutra::arena_memory memory{lutra::low_rank_scratch_bytes(17, 40)};
        lutra::arena scratch{memory.bytes()};
        lutra::low_rank(matrix_view<const float>{d.w.data(), 17, 40}, matrix_view{u.data(), 17, rank},
                        matrix_view{v.data(), rank, 40}, scratch);
        CHECK(scratch.used() == 0);
        const matrix_view<const double> vectors{d.vectors.data(), 17, 17};
        lutra::low_rank(matrix_view{d.w.data(), 17, 40}, vectors, matrix_view{u2.data(), 17, rank},
                        matrix_view{v2.data(), rank, 40});
        for (std::size_t i = 0; i < u.size(); ++i) CHECK(u[i] == Approx(u2[i]).margin(1e-5));
        for (std::size_t i = 0; i < v.size(); ++i) CHECK(v[i] == Approx(v2[i]).margin(1e-3));
    }
}

TEST_CASE("a rank is chosen by energy or by products") {
    const std::vector<double> values{4, 2, 1, 0};
    CHECK(lutra::rank_for_energy(values, 0) == 0);
    CHECK(lutra::rank_for_energy(values, 16.0 / 21) == 1);
    CHECK(lutra::rank_for_energy(values, 0.77) == 2);
    CHECK(lutra::rank_for_energy(values, 0.96) == 3);
    CHECK(lutra::rank_for_energy(values, 1) == 3);
    CHECK(lutra::rank_for_energy({}, 1) == 0);
    static_assert(lutra::rank_for_macs(384, 1536, 0.5) == 153); // 153.6
    static_assert(lutra::rank_for_macs(384, 384, 0.5) == 96);
    static_assert(lutra::rank_for_macs(384, 384, 1) == 192);
    static_assert(lutra::rank_for_macs(1, 1, 1) == 0);
    static_assert(lutra::rank_for_macs(0, 5, 1) == 0);
    REQUIRE_PANIC(lutra::rank_for_energy(values, 1.5), out_of_range);
    REQUIRE_PANIC(lutra::rank_for_macs(1, 1, -1), out_of_range);
}

TEST_CASE("shapes that do not fit, and weights that are not finite, panic") {
    decomposition d{3, 4};
    d.w.assign(12, 1.0f);
    d.w[5] = std::numeric_limits<float>::quiet_NaN();
    REQUIRE_PANIC(d.run(), bad_argument);
    d.w[5] = 0;
    d.values.resize(2);
    REQUIRE_PANIC(d.run(), bad_shape);
    d.values.resize(3);
    std::vector<float> u(30), v(40);
    const matrix_view<const double> vectors{d.vectors.data(), 3, 3};
    const matrix_view w{d.w.data(), 3, 4};
    REQUIRE_PANIC(lutra::low_rank(w, vectors, matrix_view{u.data(), 3, 2}, matrix_view{v.data(), 3, 4}), bad_shape);
    REQUIRE_PANIC(lutra::low_rank(w, vectors, matrix_view{u.data(), 3, 4}, matrix_view{v.data(), 4, 4}), bad_shape);
    REQUIRE_PANIC(lutra::low_rank(w, vectors, matrix_view{u.data(), 4, 2}, matrix_view{v.data(), 2, 4}), bad_shape);
    REQUIRE_PANIC(lutra::low_rank(w, {d.vectors.data(), 2, 2}, matrix_view{u.data(), 3, 2}, matrix_view{v.data(), 2, 4}),
                  bad_shape);
}
