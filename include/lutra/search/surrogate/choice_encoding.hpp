// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/surrogate needs a heap and Eigen: use nsga2 or genetic_search on firmware."
#endif

#include <lutra/core/panic.hpp>
#include <lutra/search/choices.hpp>

#include <Eigen/Dense>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace lutra {

/// Genomes of a space of choices as points of [0, 1]^d, for a surrogate. Gene by gene, an alternative is a 1 among zeros
/// (one-hot), or has features of its own, such as the power and the error of the multiplier that it stands for: then what
/// was learnt of one multiplier says something of a similar one. Features are scaled to [0, 1] over the alternatives of a
/// gene. A gene without a choice has no input. Alternatives with the same features are the same to the surrogate.
///
/// @code
/// lutra::choice_encoding<12> layers{space};                // one-hot
/// layers.set_features(0, Eigen::MatrixXd{{0.1, 0.7, 0.9},  // power of three alternatives
///                                        {4.0, 0.2, 0.0}}) // error
/// lutra::choice_encoding<12> all{space, [&](std::size_t gene, std::size_t alternative) {
///     return std::vector{power[alternative], error[alternative]};
/// }};
/// @endcode
template <std::size_t Capacity>
class choice_encoding {
public:
    using genome = choice_genome<Capacity>;

    /// One-hot. Panics where @p space has nothing to choose (choice_space::check).
    explicit choice_encoding(const choice_space<Capacity>& space) : space_{space} {
        space.check();
        for (std::size_t i = 0; i < space.length; ++i) {
            const auto n = static_cast<Eigen::Index>(space.alternatives[i]);
            if (n > 1) table_[i] = Eigen::MatrixXd::Identity(n, n);
        }
        place();
    }
    /// With `features(gene, alternative)`, a row of numbers, the same many for all alternatives of a gene; where it is empty
    /// the gene stays one-hot. Panics like set_features.
    template <class Features>
    requires std::convertible_to<std::invoke_result_t<Features&, std::size_t, std::size_t>, std::vector<double>>
    choice_encoding(const choice_space<Capacity>& space, Features&& features) : choice_encoding{space} {
        for (std::size_t i = 0; i < space.length; ++i) {
            const std::vector<double> first = features(i, std::size_t{0});
            if (first.empty()) continue;
            Eigen::MatrixXd table{static_cast<Eigen::Index>(first.size()), Eigen::Index{space.alternatives[i]}};
            for (std::size_t a = 0; a < space.alternatives[i]; ++a) {
                const std::vector<double> row = features(i, a);
                require(row.size() == first.size(), panic_code::bad_shape,
                        "all alternatives of a gene have as many features", static_cast<long long>(row.size()),
                        static_cast<long long>(first.size()));
                table.col(static_cast<Eigen::Index>(a)) =
                    Eigen::Map<const Eigen::VectorXd>(row.data(), static_cast<Eigen::Index>(row.size()));
            }
            set_features(i, table);
        }
    }

    /// Gives the alternatives of gene @p i the columns of @p table as features. Panics where there is no such gene, not a
    /// column for each alternative, no feature, or a NaN or infinity.
    void set_features(std::size_t i, const Eigen::MatrixXd& table) {
        require(i < space_.length, panic_code::out_of_range, "there is no such gene", static_cast<long long>(i),
                static_cast<long long>(space_.length));
        require(table.cols() == space_.alternatives[i] && table.rows() >= 1, panic_code::bad_shape,
                "features are a column for each alternative of the gene", static_cast<long long>(table.cols()),
                space_.alternatives[i]);
        require(table.allFinite(), panic_code::bad_argument, "features are numbers; there is a NaN or infinity");
        if (table.cols() < 2) return;
        const Eigen::VectorXd least = table.rowwise().minCoeff(), range = table.rowwise().maxCoeff() - least;
        table_[i] = table.colwise() - least;
        for (Eigen::Index f = 0; f < range.size(); ++f)
            if (range[f] > 0) table_[i].row(f) /= range[f];
        own_length_[i] = true;
        place();
    }

    [[nodiscard]] const choice_space<Capacity>& space() const noexcept { return space_; }
    /// How many inputs there are: d.
    [[nodiscard]] Eigen::Index inputs() const noexcept { return inputs_; }
    /// Which length scale each input is to be measured in (gaussian_process_options): one for each gene, one for each
    /// feature.
    [[nodiscard]] std::vector<std::size_t> length_of() const {
        std::vector<std::size_t> out;
        std::size_t next = 0;
        for (std::size_t i = 0; i < space_.length; ++i) {
            for (Eigen::Index f = 0; f < table_[i].rows(); ++f) out.push_back(own_length_[i] ? next++ : next);
            if (!own_length_[i] && table_[i].rows() > 0) ++next;
        }
        return out;
    }
    /// The point of @p g. Panics for one of another space.
    [[nodiscard]] Eigen::VectorXd encode(const genome& g) const {
        require(space_.contains(g), panic_code::bad_argument, "this genome is not of the encoded space");
        Eigen::VectorXd x{inputs_};
        for (std::size_t i = 0; i < space_.length; ++i) x.segment(first_[i], table_[i].rows()) = column(i, g[i]);
        return x;
    }
    /// The genome nearest to @p x; of equally near alternatives the first. Panics for another number of inputs.
    [[nodiscard]] genome nearest(const Eigen::VectorXd& x) const {
        require(x.size() == inputs_, panic_code::bad_shape, "a point has as many elements as the encoding",
                static_cast<long long>(x.size()), static_cast<long long>(inputs_));
        genome g{.length = space_.length};
        for (std::size_t i = 0; i < space_.length; ++i) {
            if (table_[i].cols() == 0) continue;
            Eigen::Index at = 0;
            (table_[i].colwise() - x.segment(first_[i], table_[i].rows())).colwise().squaredNorm().minCoeff(&at);
            g[i] = static_cast<std::uint16_t>(at);
        }
        return g;
    }

private:
    [[nodiscard]] Eigen::VectorXd column(std::size_t i, std::size_t alternative) const {
        return table_[i].cols() == 0 ? Eigen::VectorXd{}
                                     : Eigen::VectorXd{table_[i].col(static_cast<Eigen::Index>(alternative))};
    }
    void place() {
        inputs_ = 0;
        for (std::size_t i = 0; i < space_.length; ++i) {
            first_[i] = inputs_;
            inputs_ += table_[i].rows();
        }
    }

    choice_space<Capacity> space_;
    std::array<Eigen::MatrixXd, Capacity> table_{}; ///< [gene]: features x alternatives; empty without a choice
    std::array<Eigen::Index, Capacity> first_{};    ///< [gene]: its first input
    std::array<bool, Capacity> own_length_{};       ///< [gene]: whether each of its features has a length of its own
    Eigen::Index inputs_ = 0;
};

} // namespace lutra
