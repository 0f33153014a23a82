// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/multiplier/detail/lattice.hpp uses floating point and much stack: it is for factorize.hpp, on the host."
#endif

#include <lutra/multiplier/separable_terms.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace lutra::detail::mul {

using lattice_vector = wide_map;
using lattice_coordinates = std::array<std::int64_t, max_rank>;

[[nodiscard]] inline double dot(const auto& a, const auto& b) noexcept {
    std::array<double, 16> sums{}; // apart, so that the compiler may use vectors
    for (std::size_t i = 0; i < 256; i += 16)
        for (std::size_t j = 0; j < 16; ++j) sums[j] += static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
    double sum = 0;
    for (const double s : sums) sum += s;
    return sum;
}

/// A reduced basis of the integer combinations of vectors that are given one by one, of rank at most max_rank: the modified
/// algorithm of Lenstra, Lenstra and Lovasz (1982) for dependent vectors (Pohst, 1987). Vectors change by exact integer
/// steps only; floating point decides which. So a basis is never wrong, at worst not as short as it could be or not found.
class lattice {
public:
    /// Makes @p v a member. False if the rank would pass max_rank or a number grows past what 64 bits hold; the lattice is
    /// of no use then.
    [[nodiscard]] bool insert(const lattice_vector& v) noexcept {
        basis_[size_] = v;
        if (!reduce(basis_[size_], size_, nullptr)) return false;
        if (basis_[size_] == lattice_vector{}) return true;
        ++size_;
        return restore(size_ - 1) && size_ <= max_rank;
    }

    /// Whether @p v is a member, and its coordinates in the basis.
    [[nodiscard]] bool coordinates(lattice_vector v, lattice_coordinates& out) const noexcept {
        out.fill(0);
        return reduce(v, size_, out.data()) && v == lattice_vector{};
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const lattice_vector& operator[](std::size_t i) const noexcept { return basis_[i]; }

private:
    using real_vector = std::array<double, 256>;

    /// Takes integer multiples of basis vectors 0 to @p k - 1 from @p v until it is short; adds them up in @p taken.
    [[nodiscard]] bool reduce(lattice_vector& v, std::size_t k, std::int64_t* taken) const noexcept {
        for (int pass = 0; pass < 64; ++pass) {
            bool changed = false;
            real_vector real;
            for (std::size_t i = 0; i < 256; ++i) real[i] = static_cast<double>(v[i]);
            for (std::size_t j = k; j-- > 0;) {
                const double mu = dot(real, star_[j]) / square_[j], q = std::nearbyint(mu);
                if (std::abs(mu) < 0.501) continue; // a half stays a half whichever way it is rounded
                if (!(std::abs(q) * length_[j] < 0x1p58)) return false;
                changed = true;
                const auto times = static_cast<std::int64_t>(q);
                for (std::size_t i = 0; i < 256; ++i) {
                    v[i] -= times * basis_[j][i];
                    real[i] = static_cast<double>(v[i]);
                }
                if (taken != nullptr) taken[j] += times;
            }
            if (!changed) return true;
        }
        return false;
    }

    /// The part of basis vector @p k that is orthogonal to those before it.
    void orthogonalise(std::size_t k) noexcept {
        real_vector& s = star_[k];
        for (std::size_t i = 0; i < 256; ++i) s[i] = static_cast<double>(basis_[k][i]);
        const double whole = dot(s, s);
        length_[k] = std::sqrt(whole);
        square_[k] = whole;
        for (int pass = 0; pass < 2; ++pass) {
            for (std::size_t j = 0; j < k; ++j) {
                const double mu = dot(s, star_[j]) / square_[j];
                for (std::size_t i = 0; i < 256; ++i) s[i] -= mu * star_[j][i];
            }
            square_[k] = dot(s, s);
            if (square_[k] > 1e-6 * whole) return; // else once more, to take what rounding left
        }
        if (square_[k] < 1e-20 * whole) make_dependent(k);
    }
    void make_dependent(std::size_t k) noexcept {
        star_[k].fill(0);
        square_[k] = 0;
    }

    /// Reduces the basis again, vectors 0 to @p k - 1 of which are; a vector that has become zero leaves it.
    [[nodiscard]] bool restore(std::size_t k) noexcept {
        for (int step = 0; k < size_; ++step) {
            if (step == 20000 || !reduce(basis_[k], k, nullptr)) return false;
            if (basis_[k] == lattice_vector{}) {
                for (std::size_t i = k + 1; i < size_; ++i) basis_[i - 1] = basis_[i];
                --size_;
                continue;
            }
            orthogonalise(k);
            for (; k > 0; --k) {
                const double mu = dot(basis_[k], star_[k - 1]) / square_[k - 1];
                if (square_[k] >= (0.99 - mu * mu) * square_[k - 1]) break;
                std::swap(basis_[k], basis_[k - 1]);
                std::swap(length_[k], length_[k - 1]);
                for (std::size_t i = 0; i < 256; ++i) star_[k - 1][i] = star_[k][i] + mu * star_[k - 1][i];
                square_[k - 1] = dot(star_[k - 1], star_[k - 1]);
                if (square_[k - 1] < 1e-20 * length_[k - 1] * length_[k - 1]) make_dependent(k - 1);
            }
            ++k;
        }
        return true;
    }

    std::array<lattice_vector, max_rank + 1> basis_{};
    std::array<real_vector, max_rank + 1> star_{};
    std::array<double, max_rank + 1> square_{}, length_{}; ///< squared, of star_; of basis_
    std::size_t size_ = 0;
};

/// Makes both sides of the sum of products left[i][a] * right[i][b] short at once, without changing it (Seysen, 1993): where
/// it pays, a multiple of right[i] is added to right[j] and as much of left[j] taken from left[i].
inline void balance(std::span<lattice_vector> left, std::span<lattice_vector> right) noexcept {
    bool changed = true;
    for (int pass = 0; changed && pass < 100; ++pass) {
        changed = false;
        for (std::size_t i = 0; i < left.size(); ++i)
            for (std::size_t j = 0; j < left.size(); ++j) {
                if (i == j) continue;
                const double best =
                    (dot(left[i], left[j]) / dot(left[j], left[j]) - dot(right[i], right[j]) / dot(right[i], right[i])) / 2;
                if (!(std::abs(best) > 0.51 && std::abs(best) < 0x1p20)) continue;
                const auto times = static_cast<std::int64_t>(std::nearbyint(best));
                for (std::size_t n = 0; n < 256; ++n) {
                    right[j][n] += times * right[i][n];
                    left[i][n] -= times * left[j][n];
                }
                changed = true;
            }
    }
}

} // namespace lutra::detail::mul
