// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/alm_soa.hpp>
#include <lutra/multiplier/broken_array.hpp>
#include <lutra/multiplier/compressor_tree.hpp>
#include <lutra/multiplier/compressors.hpp>
#include <lutra/multiplier/concept.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/dsm.hpp>
#include <lutra/multiplier/etm.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/ilm.hpp>
#include <lutra/multiplier/kulkarni.hpp>
#include <lutra/multiplier/loa_accumulated.hpp>
#include <lutra/multiplier/mbm.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/multiplier/mitchell_truncated.hpp>
#include <lutra/multiplier/operand_truncated.hpp>
#include <lutra/multiplier/perforated.hpp>
#include <lutra/multiplier/realm.hpp>
#include <lutra/multiplier/roba.hpp>
#include <lutra/multiplier/ssm.hpp>

#include <cstddef>

namespace lutra {

/// A list of multiplier types.
template <multiplier... M>
struct multiplier_list {
    static constexpr std::size_t size = sizeof...(M);
    /// Calls @p f with a value of each type, in order.
    template <class F>
    static constexpr void for_each(F&& f) {
        (static_cast<void>(f(M{})), ...);
    }
};

/// The instances that applications offer by name; the exact one comes first.
using builtin_multipliers =
    multiplier_list<exact, operand_truncated<1, 1>, operand_truncated<2, 2>, operand_truncated<3, 3>, drum<6>, drum<5>,
                    drum<4>, drum<3>, perforated<0, 2>, perforated<1, 2>, broken_array<0, 4>, broken_array<0, 6>,
                    broken_array<2, 6>, mitchell, roba, kulkarni, dsm<5>, ssm<5>, etm, ilm<1>, mitchell_truncated<4>,
                    alm_soa<4>, mbm, realm<4>, loa_accumulated<exact, 7>, compressor_tree<compressors::venkatachalam, 7>>;

/// Calls @p f with a value of each built-in multiplier, the exact one first.
///
/// @code
/// lutra::for_each_builtin([]<lutra::multiplier M>(M) { std::cout << M::name << '\n'; });
/// @endcode
template <class F>
constexpr void for_each_builtin(F&& f) {
    builtin_multipliers::for_each(f);
}

} // namespace lutra
