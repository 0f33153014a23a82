// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// The version of the library, for `#if` and for run time.

#define LUTRA_VERSION_MAJOR 0
#define LUTRA_VERSION_MINOR 1
#define LUTRA_VERSION_PATCH 0

namespace lutra {

/// A semantic version (https://semver.org).
struct version_number {
    int major, minor, patch;
    friend constexpr bool operator==(const version_number&, const version_number&) = default;
};

/// The version of the headers that this translation unit includes.
inline constexpr version_number version{LUTRA_VERSION_MAJOR, LUTRA_VERSION_MINOR, LUTRA_VERSION_PATCH};

} // namespace lutra
