# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What lutra's own tests, examples and benchmarks are built with; nothing here reaches a user of the library.
include_guard(GLOBAL)

find_program(LUTRA_CCACHE ccache)
mark_as_advanced(LUTRA_CCACHE)
if(LUTRA_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    # What ccache asks of builds with precompiled headers.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${LUTRA_CCACHE})
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

# What our own programs link: most of what building them costs is compiling the same kernels and networks. As headers only
# these are compiled for the tests of other instruction sets, the consumers and the fuzzers.
set(lutra_linked lutra::lutra)
if(TARGET lutra::compiled)
    set(lutra_linked lutra::compiled)
endif()

add_library(lutra_warnings INTERFACE)
target_compile_options(lutra_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wpedantic)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # g++ 12 takes the deliberately undefined registers of its own AVX-512 headers for mistakes (GCC bug 105593).
    target_compile_options(lutra_warnings INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
if(TARGET lutra_compiled AND PROJECT_IS_TOP_LEVEL)
    target_link_libraries(lutra_compiled PRIVATE lutra_warnings)
endif()

# lutra_can_run_isa(<isa> <variable>): whether this machine runs code compiled with -march=<isa>.
function(lutra_can_run_isa isa variable)
    include(CheckCXXSourceRuns)
    string(MAKE_C_IDENTIFIER LUTRA_RUNS_${isa} cached)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$" AND NOT CMAKE_CROSSCOMPILING)
        check_cxx_source_runs("int main() { return __builtin_cpu_supports(\"${isa}\") ? 0 : 1; }" ${cached})
    endif()
    set(${variable} "${${cached}}" PARENT_SCOPE)
endfunction()

# lutra_add_test(<room> SOURCES <file>... [SLOW <file>...] [OPTIMISED <file>...] [LIBRARIES <target>...]
#                [DEFINITIONS <name=value>...] [ISAS <-march value>... [ISA_SOURCES <file>...]])
# One executable test_<room>, one ctest entry a file (<room>.<file>), and, if LUTRA_TEST_ALL, the ISA_SOURCES (default: all)
# once more for each ISA that this machine can run. Only where an instruction set can change what is compiled are variants
# worth their time. SLOW are more sources, which the README's test command leaves out. OPTIMISED are those of both that would
# run for longer than it takes to optimise them.
function(lutra_add_test room)
    cmake_parse_arguments(PARSE_ARGV 1 test "" "" "SOURCES;SLOW;OPTIMISED;ISAS;ISA_SOURCES;LIBRARIES;DEFINITIONS")
    if(NOT lutra_quick)
        list(APPEND test_SOURCES ${test_SLOW})
    endif()
    if(lutra_optimised) # headers that were precompiled without optimising do not do for them
        set_source_files_properties(${test_OPTIMISED} PROPERTIES COMPILE_OPTIONS "${lutra_optimised}" SKIP_PRECOMPILE_HEADERS ON)
    endif()
    foreach(isa IN LISTS test_ISAS ITEMS "") # "": the flags as they are
        set(name ${room})
        set(sources ${test_SOURCES})
        if(isa)
            lutra_can_run_isa(${isa} runs)
            if(NOT runs OR NOT LUTRA_TEST_ALL)
                continue()
            endif()
            set(name ${room}.${isa})
            if(test_ISA_SOURCES)
                set(sources ${test_ISA_SOURCES})
            endif()
        endif()
        add_executable(test_${name} ${sources})
        target_link_libraries(test_${name} PRIVATE lutra_test_main lutra_warnings ${test_LIBRARIES}
                                                   $<IF:$<BOOL:${isa}>,lutra::lutra,${lutra_linked}>)
        target_compile_definitions(test_${name} PRIVATE ${test_DEFINITIONS})
        list(LENGTH sources count)
        if(count GREATER 1) # Nothing of the library: a test includes what it tests.
            target_precompile_headers(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/catch.hpp
                                      <algorithm> <array> <cmath> <span> <string> <vector>)
        endif()
        if(isa) # with kernels of its own
            target_compile_options(test_${name} PRIVATE -march=${isa} ${lutra_optimised})
        endif()
        foreach(source IN LISTS sources)
            cmake_path(GET source STEM LAST_ONLY stem) # Catch2 tags each case with the name of its file
            string(REGEX REPLACE "\\.test$" "" short ${stem})
            add_test(NAME ${name}.${short} COMMAND test_${name} "--filenames-as-tags" "[#${stem}]"
                                                   ${LUTRA_CATCH_WARN_EMPTY})
            set_tests_properties(${name}.${short} PROPERTIES LABELS ${room} TIMEOUT 600)
        endforeach()
    endforeach()
endfunction()

# lutra_add_example(<name> [LIBRARIES <target>...] [RUN <argument>...]): examples/<name>.cpp; with RUN, ctest runs it.
function(lutra_add_example name)
    cmake_parse_arguments(PARSE_ARGV 1 example "" "" "LIBRARIES;RUN")
    add_executable(${name} ${name}.cpp)
    target_link_libraries(${name} PRIVATE lutra_warnings ${lutra_linked} ${example_LIBRARIES})
    if("RUN" IN_LIST ARGN AND LUTRA_BUILD_TESTS)
        add_test(NAME example.${name} COMMAND ${name} ${example_RUN})
        set_tests_properties(example.${name} PROPERTIES LABELS example TIMEOUT 600)
    endif()
endfunction()

# lutra_add_benchmark(<room> SOURCES <file>... [LIBRARIES <target>...]): one executable bench_<room>; ctest only starts
# each benchmark once, to see that it runs.
function(lutra_add_benchmark room)
    cmake_parse_arguments(PARSE_ARGV 1 bench "" "" "SOURCES;LIBRARIES")
    add_executable(bench_${room} ${bench_SOURCES})
    target_link_libraries(bench_${room} PRIVATE benchmark::benchmark_main lutra_warnings ${lutra_linked} ${bench_LIBRARIES})
    if(LUTRA_BUILD_TESTS)
        add_test(NAME bench.${room} COMMAND bench_${room} --benchmark_min_time=0.001 --benchmark_filter=-1024)
        set_tests_properties(bench.${room} PROPERTIES LABELS bench TIMEOUT 600)
    endif()
endfunction()
