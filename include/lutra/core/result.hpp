// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/text.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

namespace lutra {

/// The kind of fault found in data from outside.
enum class error_code : std::uint8_t {
    truncated = 1,   ///< the data ends too early
    malformed = 2,   ///< the data does not follow its format
    wrong_size = 3,  ///< the data has another size than it should
    wrong_type = 4,  ///< an element type that does not fit
    missing = 5,     ///< a named part is not there
    mismatch = 6,    ///< two parts contradict each other
    not_finite = 7,  ///< NaN or infinity
    unknown_name = 8,
    io = 9,          ///< the operating system said no
    unsupported = 10, ///< right, but not something this build can read
};

/// A fault in data from outside: what, where, and a sentence that names the value and what was expected.
struct error {
    error_code code{};
    std::uint64_t offset = 0; ///< the byte at which it was noticed; 0 where that means nothing
    text<320> message{};
};

/// A value, or the error that explains why there is none. No exceptions, no heap of its own.
///
/// @code
/// lutra::result<int> half(int x) {
///     if (x % 2 != 0) return lutra::error{lutra::error_code::malformed, 0, lutra::text<320>{} << x << " is odd"};
///     return x / 2;
/// }
/// @endcode
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    constexpr result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
    constexpr result(lutra::error e) : state_{std::in_place_index<1>, std::move(e)} {}

    [[nodiscard]] constexpr bool has_value() const noexcept { return state_.index() == 0; }
    constexpr explicit operator bool() const noexcept { return has_value(); }

    /// The value; panics where there is none.
    [[nodiscard]] constexpr T& value() & { return demand(), std::get<0>(state_); }
    [[nodiscard]] constexpr const T& value() const& { return demand(), std::get<0>(state_); }
    [[nodiscard]] constexpr T&& value() && { return demand(), std::get<0>(std::move(state_)); }
    constexpr T& operator*() & { return value(); }
    constexpr const T& operator*() const& { return value(); }
    constexpr T&& operator*() && { return std::move(*this).value(); }
    constexpr T* operator->() { return &value(); }
    constexpr const T* operator->() const { return &value(); }

    /// The error; panics where there is a value.
    [[nodiscard]] constexpr const lutra::error& error() const {
        require(state_.index() == 1, panic_code::bad_argument, "a result with a value was asked for its error");
        return std::get<1>(state_);
    }

private:
    constexpr void demand() const {
        require(has_value(), panic_code::bad_argument, "a result without a value was asked for its value; test it first");
    }
    std::variant<T, lutra::error> state_;
};

/// What a function returns that has nothing to give but may fail.
using status = result<std::monostate>;
/// Success.
[[nodiscard]] constexpr status ok() { return std::monostate{}; }

} // namespace lutra
