// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the gemm room: matrix products in int8 under any multiplier and in float, dense, sparse and such that skip zeros,
/// their references and epilogues, and int8 functions by table.

// IWYU pragma: begin_exports
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/gemm/float_gemm_parallel.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/int8_gemm_batch.hpp>
#include <lutra/gemm/lean_gemm.hpp>
#include <lutra/gemm/map_bytes.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/gemm/reference.hpp>
#include <lutra/gemm/sparse/float_shared_gemm.hpp>
#include <lutra/gemm/sparse/n_m_gemm.hpp>
#include <lutra/gemm/sparse/parallel.hpp>
#include <lutra/gemm/sparse/reference.hpp>
#include <lutra/gemm/sparse/shared_gemm.hpp>
#include <lutra/gemm/sparse/skip_count.hpp>
#include <lutra/gemm/sparse/skip_zeros.hpp>
#include <lutra/gemm/sparse/skip_zeros_backward.hpp>
#include <lutra/gemm/sparse/skip_zeros_int8.hpp>
// IWYU pragma: end_exports
