// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

/// @file
/// Low rank: weights W (outputs x inputs) as a product U V of two thin matrices, so that a layer costs r (outputs + inputs)
/// products in place of outputs x inputs. By the singular value decomposition, whose first r terms are the nearest matrix of
/// rank r (Eckart and Young, 1936): the squared error is the sum of the squared singular values that are left out.

namespace lutra {

/// The least rank that keeps the share @p energy (0 to 1) of the sum of the squares of @p values, which descend.
[[nodiscard]] constexpr std::size_t rank_for_energy(std::span<const double> values, double energy) {
    require(energy >= 0 && energy <= 1, panic_code::out_of_range, "a share of energy lies in 0 to 1",
            static_cast<long long>(energy), 1);
    double left = 0, tail = 0; // summed from the smallest, so that none is lost
    for (std::size_t i = values.size(); i-- > 0;) left += values[i] * values[i];
    const double may_lose = (1 - energy) * left;
    std::size_t rank = values.size();
    for (; rank > 0; --rank) {
        tail += values[rank - 1] * values[rank - 1];
        if (tail > may_lose) break;
    }
    return rank;
}

/// The largest rank whose products, r (outputs + inputs), are at most the share @p macs of outputs x inputs: a rank chosen
/// by what it saves (Gu et al., HEAT, arXiv 2211.16749, 2022).
[[nodiscard]] constexpr std::size_t rank_for_macs(std::size_t outputs, std::size_t inputs, double macs) {
    require(macs >= 0 && macs <= 1, panic_code::out_of_range, "a share of products lies in 0 to 1",
            static_cast<long long>(macs), 1);
    if (outputs == 0 || inputs == 0) return 0;
    const double most = macs * static_cast<double>(outputs) * static_cast<double>(inputs);
    const auto rank = static_cast<std::size_t>(most / static_cast<double>(outputs + inputs));
    return std::min({rank, outputs, inputs});
}

inline namespace LUTRA_ISA { // double sums are contracted and reordered as the flags say

namespace kernel {

[[nodiscard]] inline double inner_product(std::span<const double> x, std::span<const double> y) noexcept {
    constexpr std::size_t lanes = 8; // sums that do not wait for each other
    double sum[lanes]{};
    std::size_t i = 0;
    for (; i + lanes <= x.size(); i += lanes)
        for (std::size_t l = 0; l < lanes; ++l) sum[l] += x[i + l] * y[i + l];
    for (; i < x.size(); ++i) sum[0] += x[i] * y[i];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

/// Householder's reflections turn the rows of @p x, at most as many as columns, into those of a lower triangular L with
/// x = L Q, Q's rows orthonormal. L takes the place of the left columns of @p x.
inline void reduce_to_triangle(matrix_view<double> x) noexcept {
    for (std::size_t i = 0; i < x.rows(); ++i) {
        const std::span<double> v = x.row(i).subspan(i);
        const double length = std::sqrt(inner_product(v, v));
        if (length == 0) continue;
        const double diagonal = v[0] > 0 ? -length : length;
        v[0] -= diagonal; // v is now what to reflect at
        const double factor = 1 / (length * (length + std::fabs(v[0] + diagonal)));
        for (std::size_t r = i + 1; r < x.rows(); ++r) {
            const std::span<double> y = x.row(r).subspan(i);
            const double along = factor * inner_product(v, y);
            for (std::size_t c = 0; c < v.size(); ++c) y[c] -= along * v[c];
        }
        std::ranges::fill(v, 0.0);
        v[0] = diagonal;
    }
}

/// Rotates the rows of @p x, pair by pair, until they are orthogonal to the last digits (Hestenes, 1958); @p squares are
/// their squared lengths. Rows of less than 1e-100 of all, whose squares would vanish, become zero. Returns whether they
/// became orthogonal.
inline bool orthogonalise_rows(matrix_view<double> x, std::span<double> squares) noexcept {
    constexpr int most_sweeps = 40; // some 10 are needed
    const double small = static_cast<double>(x.cols()) * std::numeric_limits<double>::epsilon();
    double all = 0;
    for (std::size_t i = 0; i < x.rows(); ++i) all += inner_product(x.row(i), x.row(i));
    const double negligible = 1e-200 * all;
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
        bool turned = false;
        for (std::size_t i = 0; i < x.rows(); ++i) {
            squares[i] = inner_product(x.row(i), x.row(i)); // what updates lost
            if (squares[i] <= negligible) std::ranges::fill(x.row(i), squares[i] = 0.0);
        }
        for (std::size_t i = 0; i < x.rows(); ++i)
            for (std::size_t j = i + 1; j < x.rows(); ++j) {
                const std::span<double> p = x.row(i), q = x.row(j);
                if (squares[i] <= negligible || squares[j] <= negligible) continue;
                const double shared = inner_product(p, q);
                if (!(std::fabs(shared) > small * std::sqrt(squares[i]) * std::sqrt(squares[j]))) continue;
                turned = true;
                const double zeta = (squares[j] - squares[i]) / (2 * shared);
                const double t = (zeta < 0 ? -1 : 1) / (std::fabs(zeta) + std::sqrt(1 + zeta * zeta));
                const double c = 1 / std::sqrt(1 + t * t), s = c * t;
                for (std::size_t k = 0; k < p.size(); ++k) {
                    const double x_i = p[k], x_j = q[k];
                    p[k] = c * x_i - s * x_j;
                    q[k] = s * x_i + c * x_j;
                }
                squares[i] = std::max(0.0, squares[i] - t * shared);
                squares[j] += t * shared;
            }
        if (!turned) return true;
    }
    return false;
}

} // namespace kernel

/// Bytes of scratch that singular_values takes for @p rows x @p cols weights.
[[nodiscard]] constexpr std::size_t singular_values_scratch_bytes(std::size_t rows, std::size_t cols) {
    const std::size_t side = std::min(rows, cols);
    arena a = arena::counting();
    a.take<double>(rows * cols);
    a.take<double>(side * side);
    a.take<double>(side);
    a.take<std::size_t>(side);
    return a.used();
}

/// The singular values of @p weights (outputs x inputs), descending, to @p values (as many as the smaller side), and as rows
/// of @p vectors (square) the singular vectors of that side: of the outputs where these are no more than the inputs, else of
/// the inputs. In double, by a triangular factor and one-sided Jacobi rotations, which find small values to high relative
/// accuracy (Drmac and Veselic, 2008); 384 x 1536 take half a second. A vector of the value 0 is a row of zeros.
/// @p scratch: singular_values_scratch_bytes, given back. Panics on other shapes and on weights that are not finite.
template <class T>
void singular_values(matrix_view<T> weights, std::span<double> values, matrix_view<double> vectors, arena& scratch) {
    const bool wide = weights.rows() <= weights.cols();
    const std::size_t side = std::min(weights.rows(), weights.cols()), length = std::max(weights.rows(), weights.cols());
    require(values.size() == side, panic_code::bad_shape,
            "there are as many singular values as the smaller side of a matrix", static_cast<long long>(values.size()),
            static_cast<long long>(side));
    require(vectors.rows() == side && vectors.cols() == side, panic_code::bad_shape,
            "the singular vectors of the smaller side of a matrix are square", static_cast<long long>(vectors.cols()),
            static_cast<long long>(side));
    const std::size_t mark = scratch.used();
    const matrix_view<double> x{scratch.take<double>(side * length).data(), side, length};
    const matrix_view<double> turned{scratch.take<double>(side * side).data(), side, side};
    const auto squares = scratch.take<double>(side);
    const auto order = scratch.take<std::size_t>(side);
    for (std::size_t i = 0; i < side; ++i)
        for (std::size_t k = 0; k < length; ++k) {
            x(i, k) = static_cast<double>(wide ? weights(i, k) : weights(k, i));
            require(std::isfinite(x(i, k)), panic_code::bad_argument, "weights to decompose must be finite; see this row",
                    static_cast<long long>(wide ? i : k));
        }
    kernel::reduce_to_triangle(x);
    for (std::size_t i = 0; i < side; ++i)
        for (std::size_t k = 0; k < side; ++k) turned(i, k) = x(k, i); // its rows become values times vectors
    require(kernel::orthogonalise_rows(turned, squares), panic_code::verification,
            "the rotations of a singular value decomposition did not converge");
    for (std::size_t i = 0; i < side; ++i) {
        squares[i] = std::sqrt(kernel::inner_product(turned.row(i), turned.row(i)));
        order[i] = i;
    }
    std::ranges::sort(
        order, [&](std::size_t i, std::size_t j) { return squares[i] > squares[j] || (squares[i] == squares[j] && i < j); });
    for (std::size_t i = 0; i < side; ++i) {
        values[i] = squares[order[i]];
        const double scale = values[i] > 0 ? 1 / values[i] : 0;
        for (std::size_t k = 0; k < side; ++k) vectors(i, k) = turned(order[i], k) * scale;
    }
    scratch.release(mark);
}

/// The factors of rank r: W ~ @p u (outputs x r) times @p v (r x inputs), the nearest of that rank. @p vectors are those of
/// singular_values; the factor of their side is orthonormal, the other is W in those coordinates. Panics on other shapes.
///
/// @code
/// lutra::singular_values(w, values, vectors, scratch);
/// const std::size_t r = lutra::rank_for_energy(values, 0.95);
/// lutra::low_rank(w, vectors, lutra::matrix_view{u.data(), outputs, r}, lutra::matrix_view{v.data(), r, inputs});
/// @endcode
template <class T>
void low_rank(matrix_view<T> weights, matrix_view<const double> vectors, matrix_view<float> u, matrix_view<float> v) {
    const std::size_t outputs = weights.rows(), inputs = weights.cols(), side = std::min(outputs, inputs), rank = u.cols();
    require(vectors.rows() == side && vectors.cols() == side, panic_code::bad_shape,
            "the singular vectors must be those of these weights", static_cast<long long>(vectors.cols()),
            static_cast<long long>(side));
    require(rank <= side && v.rows() == rank, panic_code::bad_shape,
            "U has as many columns as V rows, and no more than the weights' smaller side", static_cast<long long>(rank),
            static_cast<long long>(v.rows()));
    require(u.rows() == outputs && v.cols() == inputs, panic_code::bad_shape,
            "U has a row for each output and V a column for each input", static_cast<long long>(u.rows()),
            static_cast<long long>(outputs));
    const bool wide = outputs <= inputs;
    for (std::size_t r = 0; r < rank; ++r)
        for (std::size_t i = 0; i < side; ++i) (wide ? u(i, r) : v(r, i)) = static_cast<float>(vectors(r, i));
    constexpr std::size_t part = 64; // columns whose sums are made side by side
    for (std::size_t k0 = 0; k0 < std::max(outputs, inputs); k0 += part)
        for (std::size_t r = 0; r < rank; ++r) {
            const std::size_t count = std::min(part, std::max(outputs, inputs) - k0);
            double sum[part]{};
            for (std::size_t i = 0; i < side; ++i)
                for (std::size_t k = 0; k < count; ++k)
                    sum[k] += vectors(r, i) * static_cast<double>(wide ? weights(i, k0 + k) : weights(k0 + k, i));
            for (std::size_t k = 0; k < count; ++k) (wide ? v(r, k0 + k) : u(k0 + k, r)) = static_cast<float>(sum[k]);
        }
}

/// Bytes of scratch that low_rank takes to decompose @p outputs x @p inputs weights itself.
[[nodiscard]] constexpr std::size_t low_rank_scratch_bytes(std::size_t outputs, std::size_t inputs) {
    const std::size_t side = std::min(outputs, inputs);
    arena a = arena::counting();
    a.take<double>(side);
    a.take<double>(side * side);
    return a.used() + singular_values_scratch_bytes(outputs, inputs);
}
/// The same of weights that nothing else is asked of. @p scratch: low_rank_scratch_bytes, given back.
LUTRA_INLINE void low_rank(matrix_view<const float> weights, matrix_view<float> u, matrix_view<float> v, arena& scratch) {
    const std::size_t side = std::min(weights.rows(), weights.cols()), mark = scratch.used();
    const auto values = scratch.take<double>(side);
    const matrix_view<double> vectors{scratch.take<double>(side * side).data(), side, side};
    singular_values(weights, values, vectors, scratch);
    low_rank(weights, matrix_view<const double>{vectors}, u, v);
    scratch.release(mark);
}

} // namespace LUTRA_ISA
} // namespace lutra
