// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign tries networks on hosts: call a network's forward() with your own memory on firmware."
#endif

#include <lutra/codesign/network_trial.hpp>
#include <lutra/nn/integer_vit.hpp>

#include <cstddef>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace lutra {
inline namespace LUTRA_ISA {

/// A network_tester that knows networks of tables, too: int8_vit for 0 entries, integer_vit with integer_vit_tables<N> for
/// each N of @p Entries. What a network of tables asks of hardware is what the int8_vit of the same choices does: zeros are
/// counted there.
///
/// @code
/// const lutra::table_tester<8, 16> tester{parameters, scales, pixels, labels, workers};
/// const lutra::network_trial t = tester(choices, 8, 0);
/// @endcode
template <int... Entries>
class table_tester {
public:
    /// As of network_tester.
    table_tester(const vit_parameters<const float>& parameters, std::span<const float> scales,
                 std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> labels, std::size_t workers,
                 const trial_options& options = {})
        : exact_{parameters, scales, pixels, labels, workers, options},
          tables_{network_tester<integer_vit<integer_vit_tables<Entries>>>{parameters, scales, pixels, labels, workers,
                                                                           options}...} {}

    [[nodiscard]] const vit_config& config() const noexcept { return exact_.config(); }
    [[nodiscard]] std::size_t images() const noexcept { return exact_.images(); }
    [[nodiscard]] std::size_t workers() const noexcept { return exact_.workers(); }
    [[nodiscard]] const trial_options& options() const noexcept { return exact_.options(); }

    /// Tries the network of @p choices with tables of @p entries on worker @p worker. Panics where there is no such table or
    /// worker, and where choices with tables drop tokens or activations.
    [[nodiscard]] network_trial operator()(std::span<const layer_choice> choices, int entries, std::size_t worker) const {
        if (entries == 0) return exact_(choices, worker);
        require(((entries == Entries) || ...), panic_code::bad_argument, "a table_tester has no tables of so many entries",
                entries);
        std::vector<layer_choice> all{choices.begin(), choices.end()};
        for (layer_choice& c : all) c.skip_zeros = false; // an integer_vit does not, and the sums are the same
        network_trial t;
        const auto with = [&](int own, const auto& tester) {
            if (own == entries) t = tester(all, worker);
        };
        std::apply([&](const auto&... tester) { (with(Entries, tester), ...); }, tables_);
        network_trial counted = exact_.observe(choices, worker);
        t.operations = std::move(counted.operations), t.dependencies = std::move(counted.dependencies);
        return t;
    }
    [[nodiscard]] network_trial operator()(std::span<const layer_choice> choices, std::size_t worker) const {
        return exact_(choices, worker);
    }

private:
    network_tester<> exact_;
    std::tuple<network_tester<integer_vit<integer_vit_tables<Entries>>>...> tables_;
};

} // namespace LUTRA_ISA
} // namespace lutra
