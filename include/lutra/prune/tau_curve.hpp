// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/result.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

namespace lutra {

/// What one threshold did to a network.
struct tau_point {
    float tau = 0;       ///< at least 0
    double sparsity = 0; ///< the share of the pruned activations that were zero, in [0, 1]
    double accuracy = 0; ///< the share of the images that were told right, in [0, 1]
    friend constexpr bool operator==(const tau_point&, const tau_point&) = default;
};

/// A stored curve from which DynaTran takes its threshold (Tuli and Jha, AccelTran, 2023): measured points and straight
/// lines between them. It points into memory of the caller.
///
/// @code
/// const auto curve = lutra::tau_curve::make(points);
/// if (!curve) return curve.error();
/// const lutra::result<float> tau = curve->for_sparsity(0.5);
/// @endcode
class tau_curve {
public:
    /// Points by rising tau. Errors, each with the index of the first point at fault: `missing` where there is none,
    /// `not_finite`, `malformed` for a number out of its range, a tau that does not rise or a sparsity that falls.
    [[nodiscard]] static constexpr result<tau_curve> make(std::span<const tau_point> points) {
        if (points.empty()) return error{error_code::missing, 0, "a tau curve has no points; expected at least one"};
        for (std::size_t i = 0; i < points.size(); ++i) {
            const auto& [tau, sparsity, accuracy] = points[i];
            const auto fault = [&](error_code code, std::string_view what, double value, std::string_view expected) {
                text<320> message{"point "};
                message << i << " of a tau curve has " << what << " ";
                return error{code, 0, append(message, value) << "; expected " << expected};
            };
            if (!finite(static_cast<double>(tau))) return fault(error_code::not_finite, "a tau that is", tau, "a number");
            if (!finite(sparsity)) return fault(error_code::not_finite, "a sparsity that is", sparsity, "a number");
            if (!finite(accuracy)) return fault(error_code::not_finite, "an accuracy that is", accuracy, "a number");
            if (tau < 0) return fault(error_code::malformed, "tau", tau, "at least 0");
            if (sparsity < 0 || sparsity > 1) return fault(error_code::malformed, "sparsity", sparsity, "0 to 1");
            if (accuracy < 0 || accuracy > 1) return fault(error_code::malformed, "accuracy", accuracy, "0 to 1");
            if (i == 0) continue;
            if (tau <= points[i - 1].tau)
                return fault(error_code::malformed, "tau", tau, "more than that of the point before");
            if (sparsity < points[i - 1].sparsity)
                return fault(error_code::malformed, "sparsity", sparsity, "at least that of the point before");
        }
        return tau_curve{points};
    }

    [[nodiscard]] constexpr std::span<const tau_point> points() const noexcept { return points_; }

    /// The least tau whose sparsity is at least @p wanted; the first point's where that has more. Rises with @p wanted.
    /// Error: `malformed` for NaN and for more than the curve reaches.
    [[nodiscard]] constexpr result<float> for_sparsity(double wanted) const {
        for (std::size_t i = 0; i < points_.size(); ++i)
            if (points_[i].sparsity >= wanted)
                return i == 0 ? points_[0].tau : between(i, wanted, points_[i - 1].sparsity, points_[i].sparsity);
        return unreached("sparsity", wanted, points_.back().sparsity);
    }

    /// The greatest tau whose accuracy is at least @p wanted; the last point's where that has it. Falls as @p wanted rises,
    /// though accuracy need not fall with tau: a dip before is passed over. Error: `malformed` for NaN and for more than any
    /// point has.
    [[nodiscard]] constexpr result<float> for_accuracy(double wanted) const {
        double best = 0;
        for (std::size_t i = points_.size(); i-- > 0;) {
            if (points_[i].accuracy >= wanted)
                return i + 1 == points_.size() ? points_[i].tau
                                               : between(i + 1, wanted, points_[i].accuracy, points_[i + 1].accuracy);
            best = points_[i].accuracy > best ? points_[i].accuracy : best;
        }
        return unreached("accuracy", wanted, best);
    }

private:
    explicit constexpr tau_curve(std::span<const tau_point> points) noexcept : points_{points} {}

    static constexpr bool finite(double x) noexcept {
        return x >= -std::numeric_limits<double>::max() && x <= std::numeric_limits<double>::max();
    }
    /// Four decimals of @p value, or its name.
    static constexpr text<320>& append(text<320>& out, double value) noexcept {
        if (value != value) return out << "NaN";
        if (!(value > -1e12 && value < 1e12)) return out << (value < 0 ? "less than -1e12" : "more than 1e12");
        const auto units = static_cast<long long>((value < 0 ? -value : value) * 10000 + 0.5);
        out << (value < 0 ? "-" : "") << units / 10000 << ".";
        for (long long place = 1000; place > 0; place /= 10) out << units / place % 10;
        return out;
    }
    static constexpr error unreached(std::string_view what, double wanted, double most) noexcept {
        text<320> message{"the tau curve does not reach "};
        append(message << what << " ", wanted) << "; expected at most ";
        return {error_code::malformed, 0, append(message, most)};
    }
    /// Where the line from point @p i - 1, which has the value @p from, to point @p i, which has @p to, meets @p wanted.
    [[nodiscard]] constexpr float between(std::size_t i, double wanted, double from, double to) const noexcept {
        const float low = points_[i - 1].tau, high = points_[i].tau;
        const auto tau = static_cast<float>(low + (high - low) * ((wanted - from) / (to - from)));
        return tau < low ? low : tau > high ? high : tau;
    }

    std::span<const tau_point> points_;
};

} // namespace lutra
