// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// The io room (hosted): file formats over spans of bytes, and the files themselves.

// IWYU pragma: begin_exports
#include <lutra/io/dtype.hpp>
#include <lutra/io/file.hpp>
#include <lutra/io/gzip.hpp>
#include <lutra/io/idx.hpp>
#include <lutra/io/json.hpp>
#include <lutra/io/safetensors.hpp>
#include <lutra/io/safetensors_writer.hpp>
#include <lutra/io/tensor_info.hpp>
// IWYU pragma: end_exports
