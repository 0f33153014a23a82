// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/objectives.hpp>

#include <concepts>

namespace lutra {

/// What a candidate's costs are worth to a search that follows one number: 0 to 1, more is better. A reward is called once
/// for each feasible candidate, in the order in which they are told, and may remember them; infeasible ones are worth 0
/// without a call.
template <class R>
concept reward_policy = requires(R& reward, const objectives<R::objective_count>& costs) {
    { reward(costs) } -> std::convertible_to<double>;
};

/// A reward of which `rate(costs)` says what these costs, told before, are worth by now.
template <class R>
concept rating_reward = reward_policy<R> && requires(const R& reward, const objectives<R::objective_count>& costs) {
    { reward.rate(costs) } -> std::convertible_to<double>;
};

} // namespace lutra
