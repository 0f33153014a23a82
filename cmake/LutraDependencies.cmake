# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# lutra_need(<name> [MINIMUM <version>]): a package found on this machine, or else the pinned one, fetched.
# No version is passed to find_package: several packages accept their own major version only, and many work here.
include_guard(GLOBAL)
include(FetchContent)

function(lutra_declare name repository commit)
    FetchContent_Declare(
        ${name}
        GIT_REPOSITORY https://github.com/${repository}.git
        GIT_TAG ${commit}
        SYSTEM FIND_PACKAGE_ARGS QUIET)
endfunction()

lutra_declare(xsimd xtensor-stack/xsimd e88a72831858123924f7118f345dfe5d70d95991) # 14.3.0
lutra_declare(nlohmann_json nlohmann/json 9cca280a4d0ccf0c08f47a99aa71d1b0e52f8d03) # 3.11.3
lutra_declare(Catch2 catchorg/Catch2 fa43b77429ba76c462b1898d6cd2f2d7a9416b14) # 3.7.1
lutra_declare(benchmark google/benchmark 12235e24652fc7f809373e7c11a5f73c5763fc4c) # 1.9.0
lutra_declare(CLI11 CLIUtils/CLI11 6c7b07a878ad834957b98d0f9ce1dbe0cb204fc9) # 2.4.2

# A macro, so that imported targets and <name>_VERSION reach the caller's directory.
macro(lutra_need name)
    cmake_parse_arguments(lutra_need "" "MINIMUM" "" ${ARGN})
    set(XSIMD_SKIP_INSTALL ON)
    set(JSON_BuildTests OFF)
    set(BENCHMARK_ENABLE_TESTING OFF)
    set(BENCHMARK_ENABLE_INSTALL OFF)
    FetchContent_MakeAvailable(${name})
    if(lutra_need_MINIMUM AND DEFINED ${name}_VERSION AND ${name}_VERSION VERSION_LESS lutra_need_MINIMUM)
        message(FATAL_ERROR "lutra needs ${name} ${lutra_need_MINIMUM} or newer and found ${${name}_VERSION}: "
                            "set ${name}_DIR, or CMAKE_DISABLE_FIND_PACKAGE_${name}=ON to fetch it")
    endif()
endmacro()
