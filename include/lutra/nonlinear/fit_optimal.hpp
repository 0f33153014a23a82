// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/pwl_table.hpp>

namespace lutra {

/// A fitted table, and its errors over the points that it was fitted at.
struct pwl_fit {
    pwl_parameters table;
    double mean_square;
    double max_error;
};

} // namespace lutra
