// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "search/pagmo_nsga2.hpp"

#include "support/stopwatch.hpp"

#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>

#include <utility>

namespace {

/// A problem in the form that pagmo asks for.
struct unit_box {
    bench::box_problem problem{};

    pagmo::vector_double fitness(const pagmo::vector_double& x) const {
        pagmo::vector_double costs(problem.objectives);
        problem.evaluate(x, costs);
        return costs;
    }
    std::pair<pagmo::vector_double, pagmo::vector_double> get_bounds() const {
        return {pagmo::vector_double(problem.variables, 0.0), pagmo::vector_double(problem.variables, 1.0)};
    }
    pagmo::vector_double::size_type get_nobj() const { return problem.objectives; }
};

} // namespace

bench::pagmo_result bench::pagmo_nsga2(const box_problem& problem, const nsga2_settings& s, std::uint32_t population,
                                       std::uint32_t generations, std::uint32_t seed) {
    const pagmo::nsga2 algorithm{generations,
                                 s.crossover_rate,
                                 static_cast<double>(s.crossover_index),
                                 s.mutation_rate,
                                 static_cast<double>(s.mutation_index),
                                 seed};
    pagmo::population all{pagmo::problem{unit_box{problem}}, population, seed};
    const double begin = thread_seconds();
    all = algorithm.evolve(std::move(all));
    pagmo_result result{{}, thread_seconds() - begin};
    for (const pagmo::vector_double& costs : all.get_f())
        result.costs.insert(result.costs.end(), costs.begin(), costs.end());
    return result;
}
