// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/surrogate needs a heap and Eigen: use nsga2 or genetic_search on firmware."
#endif

#include <lutra/core/random.hpp>
#include <lutra/search/choices.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace lutra::detail {

/// A Latin hypercube (McKay and others, 1979) of @p count genomes: of each gene, every alternative is taken equally often,
/// to within one; which go together, and which are taken once more, is random.
template <std::size_t Capacity>
[[nodiscard]] std::vector<choice_genome<Capacity>> latin_design(const choice_space<Capacity>& space, std::size_t count,
                                                                random_generator& random) {
    std::vector<choice_genome<Capacity>> design(count, choice_genome<Capacity>{.length = space.length});
    std::vector<std::size_t> row(count);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < space.length; ++i) {
        std::vector<std::uint16_t> alternative(space.alternatives[i]);
        std::iota(alternative.begin(), alternative.end(), std::uint16_t{0});
        random.shuffle(std::span{alternative});
        random.shuffle(std::span{row});
        for (std::size_t n = 0; n < count; ++n) design[row[n]][i] = alternative[n % alternative.size()];
    }
    return design;
}

} // namespace lutra::detail
