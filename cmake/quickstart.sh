#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# cmake/quickstart.sh demo [argument...]   builds the example `evaluate` and runs it with the arguments
# cmake/quickstart.sh explore [argument...] builds the example `explore` and runs it; by default it reports to build/explore
# cmake/quickstart.sh firmware [-D NAME=VALUE...] a ViT on Cortex-M and RISC-V boards under QEMU, compared with this machine
# cmake/quickstart.sh test                 builds the tests, optimised, and runs them
# cmake/quickstart.sh check                everything else that must hold: sanitizers, clang, firmware, packaging, fuzzing
#
# Installs what is missing where there is apt and the right to use it. Works from any directory, any number of times.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
logs=build/quickstart
mkdir -p "$logs"
jobs=$(nproc 2>/dev/null || echo 2)
failures=0
[ -t 1 ] && bold=$'\e[1m' plain=$'\e[0m' || bold='' plain=''

say() { printf '%s== %s%s\n' "$bold" "$*" "$plain"; }
die() {
    printf 'quickstart: %s\n' "$*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# ---- packages -------------------------------------------------------------------------------------------------------

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
can_install() { has apt-get && { [ "$(id -u)" = 0 ] || has sudo; }; }
apt_updated=0
apt_install() {
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    if "${apt[@]}" install -y --no-install-recommends "$@" >>"$logs/apt.log" 2>&1 </dev/null; then return 0; fi
    [ $apt_updated = 0 ] || return 1
    apt_updated=1
    "${apt[@]}" update >>"$logs/apt.log" 2>&1 </dev/null
    "${apt[@]}" install -y --no-install-recommends "$@" >>"$logs/apt.log" 2>&1 </dev/null
}
installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

# packages <package or command=package>...: installs those that are missing, and says which it cannot.
packages() {
    local item missing=()
    can_install || return 0 # CMake fetches the libraries, and need_tools looks for the rest
    for item in "$@"; do
        case $item in
            *=*) has "${item%%=*}" || missing+=("${item#*=}") ;;
            *) installed "$item" || missing+=("$item") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    apt_install "${missing[@]}" && return 0
    for item in "${missing[@]}"; do apt_install "$item" || say "could not install $item; going on without"; done
}
need_tools() {
    has cmake && { has c++ || has g++ || has clang++; } ||
        die "install CMake 3.25 or newer, Ninja, a C++20 compiler (g++ 12 or clang++ 16, or newer), zlib, and run this again"
}
basics=(cmake=cmake ninja=ninja-build c++=g++ libxsimd-dev zlib1g-dev nlohmann-json3-dev)

# ---- steps ----------------------------------------------------------------------------------------------------------

# quietly <name> <command>...: its output goes to a log, the end of which is shown if it fails.
quietly() {
    local name=$1 log="$logs/$1.log" begin=$SECONDS
    shift
    if "$@" >"$log" 2>&1 </dev/null; then
        say "$name: done in $((SECONDS - begin)) s"
    else
        grep -v -E '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$log" | tail -n 100
        say "$name: FAILED after $((SECONDS - begin)) s; all of it is in $log"
        failures=$((failures + 1))
        return 1
    fi
}
configure() { # <preset> <option>...
    local preset=$1 generator=()
    shift
    has ninja || generator=(-G "Unix Makefiles")
    quietly "configure-$preset" cmake --preset "$preset" ${generator[@]+"${generator[@]}"} "$@"
}
build() { # <preset> <target>...
    local preset=$1 targets=() all_failures=(-- -k)
    shift
    [ $# = 0 ] || targets=(--target "$@")
    ! has ninja || all_failures+=(0)
    quietly "build-$preset${1:+-$1}" cmake --build --preset "$preset" --parallel "$jobs" ${targets[@]+"${targets[@]}"} \
        "${all_failures[@]}"
}
run_tests() { # <name> <preset> <ctest argument>...
    local name=$1 preset=$2 log="$logs/test-$1.log" begin=$SECONDS
    shift 2
    if ! ctest --preset "$preset" --parallel "$jobs" "$@" >"$log" 2>&1 </dev/null; then
        grep -v -E '^ *(Start|Test project)' "$log" | tail -n 120
        failures=$((failures + 1))
    fi
    local summary
    summary=$(grep -E '[0-9]+% tests passed' "$log" || echo "0% tests passed, 1 tests failed out of 1")
    printf '%s\n' "$summary" >>"$logs/counts"
    say "test-$name: $summary, in $((SECONDS - begin)) s"
}

demo() {
    packages "${basics[@]}" libcli11-dev dataset-fashion-mnist
    need_tools
    configure release -D LUTRA_BUILD_TESTS=OFF && build release evaluate || exit 1
    exec build/release/examples/evaluate "$@"
}

explore() {
    packages "${basics[@]}" libcli11-dev dataset-fashion-mnist libeigen3-dev
    need_tools
    configure release -D LUTRA_BUILD_TESTS=OFF && build release explore || exit 1
    [ $# -gt 0 ] || set -- --report build/explore
    exec build/release/examples/explore "$@"
}

# What the boards of examples/firmware are built and run with.
boards=(arm-none-eabi-g++=gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib
    riscv64-unknown-elf-g++=gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-arm=qemu-system-arm
    qemu-system-riscv32=qemu-system-misc)
firmware() {
    packages "${basics[@]}" libcli11-dev "${boards[@]}"
    need_tools
    configure release -D LUTRA_BUILD_TESTS=OFF && build release emit_firmware || exit 1
    exec cmake -D EMITTER=build/release/examples/emit_firmware "$@" -P examples/firmware/run.cmake
}

test_() {
    packages "${basics[@]}" catch2 libcli11-dev iverilog=iverilog
    need_tools
    configure release -D LUTRA_BUILD_TESTS=ON -D CMAKE_COMPILE_WARNING_AS_ERROR="${CI:+ON}" && build release &&
        run_tests release release --label-exclude '^(consumer|bench|structure|torch)$'
}

newest_clang() {
    local version
    for version in 22 21 20 19 18 17 16; do has "clang++-$version" && echo "$version" && return; done
    return 1
}

check() {
    packages "${basics[@]}" catch2 libcli11-dev iverilog=iverilog libbenchmark-dev "${boards[@]}" \
        aarch64-linux-gnu-g++=g++-aarch64-linux-gnu qemu-aarch64=qemu-user libeigen3-dev libopenmpi-dev mpiexec=openmpi-bin \
        chromium=chromium
    newest_clang >/dev/null || packages clang++-19=clang-19
    newest_clang >/dev/null || packages clang++-16=clang-16
    local clang
    clang=$(newest_clang) && packages "libclang-rt-$clang-dev"
    need_tools

    local benchmarks=OFF
    [ -f bench/CMakeLists.txt ] && benchmarks=ON
    if configure release -D LUTRA_BUILD_TESTS=ON -D LUTRA_TEST_ALL=ON -D LUTRA_BUILD_BENCHMARKS=$benchmarks \
        -D CMAKE_COMPILE_WARNING_AS_ERROR="${CI:+ON}"; then
        build release all_verify_interface_header_sets
        build release && run_tests consumers release --label-regex '^consumer$' &&
            run_tests isas release --tests-regex '\.x86-64' &&
            run_tests others release --label-regex '^(snippet|structure|torch)$'
        [ $benchmarks = OFF ] || run_tests benchmarks release --label-regex '^bench$'
    fi
    if has arm-none-eabi-g++; then
        configure arm-none-eabi && build arm-none-eabi
    fi
    # Sanitised programs compile for minutes; what they read goes through the library's readers, which are tested and fuzzed.
    configure debug -D LUTRA_BUILD_EXAMPLES=OFF && build debug && run_tests sanitizers debug --label-exclude '^(consumer|structure|bench)$'
    if [ -n "$clang" ]; then
        configure clang-release && build clang-release && run_tests clang clang-release --label-exclude '^(consumer|bench)$'
        if [ -f tests/fuzz/CMakeLists.txt ]; then
            configure clang-debug && build clang-debug lutra_fuzzers && run_tests fuzz clang-debug --label-regex '^fuzz$'
        fi
    else
        say "no clang 16 or newer: its builds and the fuzzers are left out"
    fi
}

stage=${1:-}
[ $# = 0 ] || shift
case $stage in
    demo) demo "$@" ;;
    explore) explore "$@" ;;
    firmware) firmware "$@" ;;
    test) test_ ;;
    check) check ;;
    *) die "usage: cmake/quickstart.sh demo [argument...] | explore [argument...] | firmware [-D NAME=VALUE...] | test | check" ;;
esac
if [ $failures -gt 0 ]; then
    say "$stage: FAILED ($failures steps), $SECONDS s"
    exit 1
fi
say "$stage: all good, $SECONDS s"
