// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// From a trained Vision Transformer to the front of accuracy, energy, latency and area: searches multipliers, thresholds,
// tokens and accelerators together, verifies what it found on the test images, and writes a report and a policy header.

#include "support/explore_report.hpp"
#include "support/explore_request.hpp"
#include "support/explore_search.hpp"
#include "support/explore_setup.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/search/interruption.hpp>
#if LUTRA_USE_MPI
    #include <lutra/search/mpi.hpp>
#endif

#include <cstdio>
#include <cstdlib>
#include <optional>

namespace {

#if LUTRA_USE_MPI
using ranks = lutra::mpi_session;
#else
struct ranks {
    static int rank() noexcept { return 0; }
};
#endif

/// Whether mpirun, or what other systems have in its place, started this program.
bool started_by_mpi() {
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"})
        if (std::getenv(name) != nullptr) return true;
    return false;
}

/// Evaluates for rank 0 on all others, which then end; on rank 0 searches, prints and writes.
template <std::size_t N>
int explore(const explore_request& r, const design_setup& setup, [[maybe_unused]] ranks* all) {
    lutra::thread_executor workers{r.threads};
    const design_objectives<N> judged{r, setup};
    const auto report = [&](auto& on) {
        const explored<N> found = search_designs(r, setup, judged, on);
        const explore_reporter<N> reporter{r, setup, judged, found, workers};
        reporter.print();
        reporter.write();
        if (!r.plot.empty()) method_comparison<N>{judged, found.methods}.plot(r.plot);
    };
    try {
        const lutra::interruption caught;
#if LUTRA_USE_MPI
        if (all != nullptr && all->rank() != 0) {
            const auto served = lutra::mpi_serve(*all, judged.problem, setup.identity, workers);
            if (!served) fail(served.error().message);
            return 0;
        }
        if (all != nullptr) {
            using executor = lutra::mpi_executor<typename design_objectives<N>::problem_type, lutra::thread_executor>;
            const auto on = value_or_fail(executor::open(*all, judged.problem, setup.identity, workers));
            report(*on);
            return 0;
        }
#endif
        report(workers);
    } catch (const lutra::search_interrupted& why) {
        std::fprintf(stderr, "\nerror: %s\n", why.what());
        return 1;
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const explore_request r = read_explore_request(argc, argv);
    std::optional<ranks> all;
#if LUTRA_USE_MPI
    if (started_by_mpi()) all.emplace();
#else
    if (started_by_mpi()) fail("this program was built without MPI: install libopenmpi-dev and build it again");
#endif
    if (!all || all->rank() == 0) check_report_folder(r.report);
    const design_setup setup{r};
    ranks* const mpi = all ? &*all : nullptr;
    switch (r.objectives.size()) {
    case 2: return explore<2>(r, setup, mpi);
    case 3: return explore<3>(r, setup, mpi);
    default: return explore<4>(r, setup, mpi);
    }
}
