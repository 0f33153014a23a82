// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/multiplier/product_slopes.hpp allocates, and serves training: fine-tune on a host."
#endif

#include <lutra/core/panic.hpp>
#include <lutra/multiplier/gradient_table.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {

/// A slope of a product as a sum of terms, own_t(x) * other_t(y): x is the operand that it is the slope by, y the other
/// one. So a matrix of gradients is one float product a term. Maps have 256 entries, indexed by an operand's bits.
struct slope_terms {
    std::size_t rank = 1;
    std::span<const float> own{};   ///< rank maps, or empty: 1
    std::span<const float> other{}; ///< rank maps, or empty: the operand's value

    /// The slope at a pair of operands.
    [[nodiscard]] double at(std::int8_t x, std::int8_t y) const noexcept {
        double sum = 0;
        for (std::size_t t = 0; t < rank; ++t) {
            const auto entry = [t](std::span<const float> maps, std::int8_t v) {
                return static_cast<double>(maps[256 * t + static_cast<std::uint8_t>(v)]);
            };
            sum += (own.empty() ? 1.0 : entry(own, x)) * (other.empty() ? static_cast<double>(y) : entry(other, y));
        }
        return sum;
    }
};

/// Both slopes of a multiplier's product as backward uses them. The default is the exact product's, which is the
/// straight-through estimator of any circuit (Bengio, Leonard and Courville, 2013). It points into memory of others.
struct product_slopes {
    slope_terms lhs; ///< df/da: own is the activation
    slope_terms rhs; ///< df/dw: own is the weight
};

/// Of one block, as layer_choice is of its multipliers.
struct layer_slopes {
    product_slopes linear{}, attention{};
};

/// The slopes of a gradient_table as terms, and the memory that they take.
class factored_slopes {
public:
    /// How many terms a slope of full rank may get.
    static constexpr std::size_t default_terms = 8;

    /// One-dimensional: df/da averaged over all activations, a function of the weight alone, and df/dw averaged over all
    /// weights. Then the gradients are those of an exact product of mapped operands.
    [[nodiscard]] static factored_slopes averaged(const gradient_table& table) {
        factored_slopes f;
        for (const bool lhs : {true, false}) {
            const oriented slopes{lhs ? table.lhs() : table.rhs(), lhs};
            side& s = lhs ? f.lhs_ : f.rhs_;
            s.rank = 1;
            s.other.assign(256, 0);
            for (int y = -128; y <= 127; ++y) {
                double sum = 0;
                for (int x = -127; x <= 127; ++x) sum += slopes(x, y);
                s.other[static_cast<std::uint8_t>(y)] = static_cast<float>(sum / 255);
            }
            s.error = slopes.relative_error(s);
        }
        return f;
    }
    /// Two-dimensional: the best approximation of both tables by sums of as few terms as leave a relative error (of the root
    /// mean square) of at most @p tolerance, or by @p most terms. Panics unless 1 <= @p most <= 255.
    [[nodiscard]] static factored_slopes low_rank(const gradient_table& table, double tolerance = 0.01,
                                                  std::size_t most = default_terms) {
        require(most >= 1 && most <= 255, panic_code::bad_argument, "factored_slopes have 1 to 255 terms",
                static_cast<long long>(most));
        factored_slopes f;
        f.lhs_ = leading_terms({table.lhs(), true}, tolerance, most);
        f.rhs_ = leading_terms({table.rhs(), false}, tolerance, most);
        return f;
    }

    /// Views, as long as this stays.
    [[nodiscard]] product_slopes view() const& noexcept {
        return {{lhs_.rank, lhs_.own, lhs_.other}, {rhs_.rank, rhs_.own, rhs_.other}};
    }
    product_slopes view() && = delete;
    /// What the terms leave of each table, relative to its root mean square, over operands in +-127.
    [[nodiscard]] double lhs_error() const noexcept { return lhs_.error; }
    [[nodiscard]] double rhs_error() const noexcept { return rhs_.error; }

private:
    struct side {
        std::size_t rank = 0;
        std::vector<float> own, other;
        double error = 0;
    };
    /// A table with the operand that it is the slope by first.
    struct oriented {
        std::span<const float> table;
        bool lhs;

        double operator()(int own, int other) const noexcept {
            const std::size_t x = static_cast<std::uint8_t>(own), y = static_cast<std::uint8_t>(other);
            return static_cast<double>(table[lhs ? x << 8 | y : y << 8 | x]);
        }
        double relative_error(const side& s) const {
            const slope_terms terms{s.rank, s.own, s.other};
            double all = 0, left = 0;
            for (int x = -127; x <= 127; ++x)
                for (int y = -127; y <= 127; ++y) {
                    const double v = (*this)(x, y),
                                 d = v - terms.at(static_cast<std::int8_t>(x), static_cast<std::int8_t>(y));
                    all += v * v;
                    left += d * d;
                }
            return all == 0 ? 0 : std::sqrt(left / all);
        }
    };

    /// The leading singular triplets one after the other, each by power iteration on what the ones before leave.
    static side leading_terms(const oriented& slopes, double tolerance, std::size_t most) {
        constexpr std::size_t n = 255;
        constexpr int iterations = 200;
        std::vector<double> rest(n * n), u(n), v(n);
        double all = 0;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                rest[i * n + j] = slopes(static_cast<int>(i) - 127, static_cast<int>(j) - 127);
                all += rest[i * n + j] * rest[i * n + j];
            }
        side s;
        for (double left = all; s.rank < most && (s.rank == 0 || left > tolerance * tolerance * all); ++s.rank) {
            const auto longest =
                std::max_element(rest.begin(), rest.end(), [](double x, double y) { return std::abs(x) < std::abs(y); });
            const auto row = static_cast<std::size_t>(longest - rest.begin()) / n;
            std::copy_n(rest.begin() + static_cast<std::ptrdiff_t>(row * n), n, v.begin());
            double previous = 0;
            for (int k = 0; k < iterations; ++k) {
                const double length = norm(v);
                if (length == 0) break;
                for (double& x : v) x /= length;
                for (std::size_t i = 0; i < n; ++i) {
                    u[i] = 0;
                    for (std::size_t j = 0; j < n; ++j) u[i] += rest[i * n + j] * v[j];
                }
                const double value = norm(u);
                if (value - previous <= 1e-12 * value) break;
                previous = value;
                std::fill(v.begin(), v.end(), 0.0);
                for (std::size_t i = 0; i < n; ++i)
                    for (std::size_t j = 0; j < n; ++j) v[j] += rest[i * n + j] * u[i];
            }
            // u = rest v with |v| = 1, whatever ended the iteration: the best u for this v
            const double length = norm(v);
            if (length > 0)
                for (double& x : v) x /= length;
            left = 0;
            const std::size_t first = 256 * s.rank;
            s.own.resize(first + 256);
            s.other.resize(first + 256);
            for (std::size_t i = 0; i < n; ++i) {
                u[i] = 0;
                for (std::size_t j = 0; j < n; ++j) u[i] += rest[i * n + j] * v[j];
                for (std::size_t j = 0; j < n; ++j) {
                    double& r = rest[i * n + j];
                    r -= u[i] * v[j];
                    left += r * r;
                }
                const auto bits = static_cast<std::uint8_t>(static_cast<int>(i) - 127);
                s.own[first + bits] = static_cast<float>(u[i]);
                s.other[first + bits] = static_cast<float>(v[i]);
            }
            for (std::vector<float>* maps : {&s.own, &s.other}) (*maps)[first + 128] = (*maps)[first + 129]; // -128 as -127
        }
        drop_constant(s);
        s.error = slopes.relative_error(s);
        return s;
    }
    /// A factor that does not depend on its operand goes into the other one: the gradient is then a plain float product.
    static void drop_constant(side& s) {
        if (s.rank != 1) return;
        const auto [low, high] = std::minmax_element(s.own.begin(), s.own.end());
        const float value = s.own.front();
        if (*high - *low > 1e-6f * std::abs(value)) return;
        for (float& v : s.other) v *= value;
        s.own.clear();
    }
    static double norm(std::span<const double> x) noexcept {
        double sum = 0;
        for (const double v : x) sum += v * v;
        return std::sqrt(sum);
    }

    side lhs_, rhs_;
};

} // namespace lutra
