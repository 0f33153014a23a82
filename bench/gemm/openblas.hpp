// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "gemm/shapes.hpp"

#include <cblas.h>

#include <vector>

namespace bench {

/// OpenBLAS's sgemm on one thread; a call is one product. It has no way to pack B beforehand.
class openblas_product {
public:
    explicit openblas_product(gemm_shape s)
        : shape_{s}, a_{random_values<float>(s.m * s.k, 1)}, b_{random_values<float>(s.k * s.n, 2)}, c_(s.m * s.n) {
        openblas_set_num_threads(1);
    }
    void operator()() {
        const auto m = static_cast<blasint>(shape_.m), n = static_cast<blasint>(shape_.n),
                   k = static_cast<blasint>(shape_.k);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a_.data(), k, b_.data(), n, 0, c_.data(), n);
    }

private:
    gemm_shape shape_;
    std::vector<float> a_, b_, c_;
};

} // namespace bench
