// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rows of firmware: instructions that QEMU executes for a product in int8 layers of 50 rows with requantised outputs,
// beside CMSIS-NN's under the same flags (-O2, g++ 12) and the same counter. Theirs are figures: its sources are in no
// package.
#include "support/named_values.hpp"
#include "support/ratios.hpp"

#include <cstdio>
#include <optional>
#include <string>

namespace {

/// CMSIS-NN 99f736a (2026): arm_nn_mat_mult_nt_t_s8, arm_fully_connected_s8.
struct cmsis_nn {
    const char* layer;
    double mat_mult, fully_connected;
};
constexpr cmsis_nn figures[] = {{"m4/64x64", 2.127, 2.676},  {"m4/64x128", 2.127, 2.661},  {"m4/128x64", 1.804, 2.275},
                                {"m55/64x64", 0.408, 0.695}, {"m55/64x128", 0.406, 0.679}, {"m55/128x64", 0.293, 0.582}};

const bench::room firmware{
    "firmware", [](bench::ratios& table) {
        // Instructions a product by the names of products.cmake.
        const auto ours = bench::named_values(LUTRA_BENCH_CMAKE " -D WORK=" LUTRA_BENCH_FIRMWARE_WORK
                                                                " -P " LUTRA_BENCH_FIRMWARE_FOLDER "/products.cmake");
        if (ours.empty()) {
            std::puts("no arm-none-eabi-g++ with qemu-system-arm: no rows of firmware");
            return;
        }
        for (const cmsis_nn& theirs : figures) {
            const std::string layer = theirs.layer;
            const double exact = ours.at(layer + "/exact"), drum = ours.at(layer + "/drum4");
            const auto add = [&](const std::string& name, double value, double other, double least,
                                 std::optional<double> stretch, const std::string& against) {
                table.add({.name = "firmware/" + layer + name,
                           .ratio = other / value,
                           .value = value,
                           .unit = "instructions a product",
                           .higher_is_better = false,
                           .at_least = least,
                           .stretch = stretch,
                           .against = against});
            };
            add("", exact, theirs.mat_mult, 1, 1.25, "CMSIS-NN 99f736a, arm_nn_mat_mult_nt_t_s8");
            add("/fully_connected", exact, theirs.fully_connected, 1, 1.25, "CMSIS-NN 99f736a, arm_fully_connected_s8");
            add("/drum4", drum, exact, 1 / 1.15, {}, "exact");
        }
    }};

} // namespace
