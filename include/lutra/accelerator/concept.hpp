// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/report.hpp>
#include <lutra/core/result.hpp>
#include <lutra/core/workload.hpp>

#include <concepts>
#include <string_view>

namespace lutra {

/// A model of an accelerator: a type that turns a workload into cycles, energy and area. What does not fit it (a tensor
/// larger than its buffer, an operation that it cannot run) is an error with a sentence, and no crash.
///
/// @code
/// struct ideal { // 256 MACs that never wait
///     static constexpr std::string_view name = "ideal";
///     constexpr lutra::result<lutra::accelerator_report> simulate(const lutra::workload& w) const {
///         lutra::accelerator_report r;
///         r.macs = w.macs();
///         r.cycles = (r.macs + 255) / 256;
///         return r;
///     }
/// };
/// static_assert(lutra::accelerator<ideal>);
/// @endcode
template <class T>
concept accelerator = requires(const T& a, const workload& w) {
    { T::name } -> std::convertible_to<std::string_view>;
    { a.simulate(w) } -> std::same_as<result<accelerator_report>>;
};

/// The clauses of `accelerator`, each with a sentence of its own.
template <class T>
consteval bool check_accelerator() {
    static_assert(
        requires {
            { T::name } -> std::convertible_to<std::string_view>;
        },
        "An accelerator has a name: static constexpr std::string_view name.");
    static_assert(
        requires(const T& a, const workload& w) { a.simulate(w); },
        "An accelerator has simulate(const lutra::workload&) const.");
    static_assert(
        requires(const T& a, const workload& w) {
            { a.simulate(w) } -> std::same_as<result<accelerator_report>>;
        },
        "An accelerator's simulate returns lutra::result<lutra::accelerator_report>.");
    return accelerator<T>;
}

} // namespace lutra
