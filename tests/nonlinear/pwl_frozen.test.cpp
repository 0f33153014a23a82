// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/pwl.hpp>

#include "support/catch.hpp"

#include <string>

namespace {

template <class... Numbers>
std::string braced(const char* name, const Numbers&... lists) {
    std::string text = std::string("    .") + name + "{";
    const auto add = [&](const auto& list) {
        for (const int x : list) text += (text.back() == '{' ? "" : ", ") + std::to_string(x);
    };
    (add(lists), ...);
    return text + "}";
}
/// On a difference it prints what the header should say.
template <class F, int N>
bool frozen() {
    using table = std::remove_cvref_t<decltype(lutra::pwl_frozen<F, N>)>;
    const auto fit = lutra::fit_optimal<N>(F{}, N, lutra::pwl_format_of<F>, lutra::pwl_grid<F>);
    const table t = table::from(fit.table);
    INFO("pwl_frozen<" << F::name << ", " << N << ">:\n"
                       << braced("slope", t.slope) << ",\n"
                       << braced("intercept", t.intercept) << ",\n"
                       << braced("breakpoint", t.breakpoint) << ",\n"
                       << braced("exponent", t.exponent));
    CHECK(t == lutra::pwl_frozen<F, N>);
    CHECK(&lutra::pwl<F, N>::table == &lutra::pwl_frozen<F, N>);
    CHECK(lutra::pwl<F, N>::name == F::name);
    return fit.max_error < 0.04;
}
template <class... F>
bool all_frozen() {
    bool near = true;
    ((near = frozen<F, 8>() && near, near = frozen<F, 16>() && near), ...);
    return near;
}

} // namespace

TEST_CASE("each frozen table is the fit's") {
    using namespace lutra;
    CHECK(all_frozen<gelu, hswish, silu, sigmoid, hyperbolic_tangent>());
    CHECK(all_frozen<natural_exponential, reciprocal, reciprocal_sqrt>());
}

TEST_CASE("a policy has its table's values") {
    using table = lutra::pwl<lutra::gelu, 8>;
    static_assert(table::at(-0.5) == (11 * -0.5 - 4) / 64);
    static_assert(table::entries == 8);
    CHECK(table::at(3.0) == 3.0);
}
