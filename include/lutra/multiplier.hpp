// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// The multiplier room: circuits as types, tables, their errors, their costs, and how they are lowered.

#include <lutra/core/config.hpp>

#include <lutra/multiplier/alm_soa.hpp>             // IWYU pragma: export
#include <lutra/multiplier/broken_array.hpp>        // IWYU pragma: export
#include <lutra/multiplier/builtin_multipliers.hpp> // IWYU pragma: export
#include <lutra/multiplier/compressor_tree.hpp>     // IWYU pragma: export
#include <lutra/multiplier/compressors.hpp>         // IWYU pragma: export
#include <lutra/multiplier/concept.hpp>             // IWYU pragma: export
#include <lutra/multiplier/drum.hpp>                // IWYU pragma: export
#include <lutra/multiplier/dsm.hpp>                 // IWYU pragma: export
#include <lutra/multiplier/error_metrics.hpp>       // IWYU pragma: export
#include <lutra/multiplier/etm.hpp>                 // IWYU pragma: export
#include <lutra/multiplier/exact.hpp>               // IWYU pragma: export
#include <lutra/multiplier/gate_count.hpp>          // IWYU pragma: export
#include <lutra/multiplier/ilm.hpp>                 // IWYU pragma: export
#include <lutra/multiplier/kulkarni.hpp>            // IWYU pragma: export
#include <lutra/multiplier/loa_accumulated.hpp>     // IWYU pragma: export
#include <lutra/multiplier/lowered_constant.hpp>    // IWYU pragma: export
#include <lutra/multiplier/lowered_multiplier.hpp>  // IWYU pragma: export
#include <lutra/multiplier/lowering.hpp>            // IWYU pragma: export
#include <lutra/multiplier/mbm.hpp>                 // IWYU pragma: export
#include <lutra/multiplier/mitchell.hpp>            // IWYU pragma: export
#include <lutra/multiplier/mitchell_truncated.hpp>  // IWYU pragma: export
#include <lutra/multiplier/operand_truncated.hpp>   // IWYU pragma: export
#include <lutra/multiplier/operands.hpp>            // IWYU pragma: export
#include <lutra/multiplier/perforated.hpp>          // IWYU pragma: export
#include <lutra/multiplier/plan_cost.hpp>           // IWYU pragma: export
#include <lutra/multiplier/plan_kind.hpp>           // IWYU pragma: export
#include <lutra/multiplier/realm.hpp>               // IWYU pragma: export
#include <lutra/multiplier/roba.hpp>                // IWYU pragma: export
#include <lutra/multiplier/sampled_metrics.hpp>     // IWYU pragma: export
#include <lutra/multiplier/separable_terms.hpp>     // IWYU pragma: export
#include <lutra/multiplier/smallest_plan.hpp>       // IWYU pragma: export
#include <lutra/multiplier/ssm.hpp>                 // IWYU pragma: export
#include <lutra/multiplier/table.hpp>               // IWYU pragma: export
#include <lutra/multiplier/table_bytes.hpp>         // IWYU pragma: export
#include <lutra/multiplier/table_format.hpp>        // IWYU pragma: export
#include <lutra/multiplier/table_npy.hpp>           // IWYU pragma: export
#if LUTRA_HOSTED
    #include <lutra/multiplier/factorize.hpp>      // IWYU pragma: export
    #include <lutra/multiplier/gradient_table.hpp> // IWYU pragma: export
    #include <lutra/multiplier/heap_table.hpp>     // IWYU pragma: export
    #include <lutra/multiplier/product_slopes.hpp> // IWYU pragma: export
#endif
