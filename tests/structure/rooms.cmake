# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# cmake -D ROOT=<repository> -P rooms.cmake: holds every header to the rules that the compiler does not know.
# Prints one sentence a breach and fails when there is any.
cmake_minimum_required(VERSION 3.25)

# The arrows: "a: b c" lets room a include rooms b and c, and whatever those may include.
set(arrows
    "core:"
    "search: core"
    "numeric: core"
    "multiplier: numeric"
    "nonlinear: numeric search"
    "prune: numeric"
    "gemm: multiplier nonlinear prune"
    "nn: gemm"
    "io: numeric"
    "nn/train: nn io"
    "accelerator: numeric"
    "codesign: nn/train accelerator search io")

# Headers that need a heap, exceptions, streams or threads: for hosted headers, or below #if LUTRA_HOSTED.
set(hosted_only
    "^(iostream|ostream|istream|fstream|sstream|iomanip|streambuf|locale|regex|filesystem|format)$"
    "^(string|vector|deque|list|forward_list|map|set|unordered_map|unordered_set|queue|stack|valarray|any)$"
    "^(functional|memory|memory_resource|thread|jthread|mutex|shared_mutex|condition_variable|future|stop_token)$"
    "^(stdexcept|system_error|random|chrono)$"
    "^(nlohmann/.*|zlib\\.h|mpi\\.h|Eigen/.*)$")
set(intrinsics "^([a-z0-9]*intrin\\.h|arm_(neon|mve|acle|sve)\\.h|riscv_vector\\.h)$")
set(may_use_intrinsics "^gemm/arch/")
set(may_use_xsimd "^(gemm/arch/|numeric/float_batch\\.hpp$)")

set(breaches 0)
macro(breach)
    message(${ARGV})
    math(EXPR breaches "${breaches} + 1")
endmacro()

set(rooms "")
foreach(arrow IN LISTS arrows)
    string(REGEX MATCH "^([a-z/]+): ?(.*)$" _ "${arrow}")
    set(room ${CMAKE_MATCH_1})
    string(REPLACE " " ";" direct "${CMAKE_MATCH_2}")
    list(APPEND rooms ${room})
    set(below_${room} ${room})
    foreach(other IN LISTS direct)
        list(APPEND below_${room} ${below_${other}})
    endforeach()
    list(REMOVE_DUPLICATES below_${room})
endforeach()

# The room of a path below include/lutra, umbrellas (gemm.hpp, nn/train.hpp) included.
function(room_of path variable)
    set(found "")
    foreach(room IN LISTS rooms)
        if(path MATCHES "^${room}(/|\\.hpp$)")
            set(found ${room}) # a room inside a room stands later in the list
        endif()
    endforeach()
    set(${variable} "${found}" PARENT_SCOPE)
endfunction()

set(include_dir ${ROOT}/include/lutra)
function(lutra_room)
    cmake_parse_arguments(PARSE_ARGV 0 room "" "" "FREESTANDING;HOSTED;UMBRELLA;SURROGATE;MPI")
    foreach(kind IN ITEMS FREESTANDING HOSTED UMBRELLA SURROGATE MPI)
        foreach(header IN LISTS room_${kind})
            cmake_path(ABSOLUTE_PATH header BASE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR} NORMALIZE)
            file(RELATIVE_PATH header ${include_dir} ${header})
            if(kind MATCHES "^(SURROGATE|MPI)$") # hosted, for few
                set_property(GLOBAL PROPERTY kind_of_${header} HOSTED)
            else()
                set_property(GLOBAL PROPERTY kind_of_${header} ${kind})
            endif()
        endforeach()
    endforeach()
endfunction()
function(add_subdirectory) # the lists are read one by one below
endfunction()
file(GLOB_RECURSE lists ${include_dir}/CMakeLists.txt)
foreach(file IN LISTS lists)
    include(${file})
endforeach()

file(GLOB_RECURSE headers RELATIVE ${include_dir} ${include_dir}/*.hpp)
if(NOT headers)
    breach("there is no header in " ${include_dir})
endif()
foreach(header IN LISTS headers)
    set(file ${include_dir}/${header})
    room_of(${header} room)
    get_property(kind GLOBAL PROPERTY kind_of_${header})
    set(shown include/lutra/${header})
    if(NOT kind)
        breach(${shown} ": not listed: add it to the CMakeLists.txt of its room")
        set(kind FREESTANDING)
    endif()
    if(NOT room AND NOT header STREQUAL "lutra.hpp")
        breach(${shown} ": in no room: see the list in tests/structure/rooms.cmake")
    endif()

    file(STRINGS ${file} pragma REGEX "^#pragma once$")
    if(NOT pragma)
        breach(${shown} ": has no #pragma once")
    endif()
    file(STRINGS ${file} stop REGEX "^[ ]*#[ ]*error .*")
    file(STRINGS ${file} hosted_guard REGEX "^#if !LUTRA_HOSTED$")
    if(stop AND hosted_guard AND NOT kind STREQUAL "HOSTED")
        breach(${shown} ": stops on firmware, so it belongs to HOSTED in the CMakeLists.txt of its room")
    endif()

    set(includes_hosted FALSE)
    set(blocks "") # one element an open #if: whether only hosted builds see what follows
    file(STRINGS ${file} lines REGEX "^[ \t]*#[ \t]*(include|if|el|endif)")
    foreach(line IN LISTS lines)
        if(line MATCHES "^[ \t]*#[ \t]*(if|el|endif)")
            if(NOT CMAKE_MATCH_1 STREQUAL "if")
                list(POP_BACK blocks block)
            endif()
            if(line MATCHES "# *if LUTRA_HOSTED( |$)" OR (line MATCHES "# *else" AND block STREQUAL "firmware"))
                list(APPEND blocks hosted)
            elseif(line MATCHES "# *if !LUTRA_HOSTED$")
                list(APPEND blocks firmware)
            elseif(NOT line MATCHES "# *endif")
                list(APPEND blocks any)
            endif()
            continue()
        endif()
        set(needs_system FALSE)
        if(kind STREQUAL "HOSTED" OR "hosted" IN_LIST blocks)
            set(needs_system TRUE)
        endif()
        if(NOT line MATCHES "include[ \t]*<([^>]+)>")
            breach(${shown} ": includes without angle brackets: " ${line})
            continue()
        endif()
        set(target ${CMAKE_MATCH_1})
        if(target MATCHES "\\.\\./")
            breach(${shown} ": includes through ../: " ${target})
        elseif(target MATCHES "^lutra/(.*)$")
            set(target ${CMAKE_MATCH_1})
            room_of(${target} to)
            get_property(target_kind GLOBAL PROPERTY kind_of_${target})
            if(target_kind STREQUAL "HOSTED")
                set(includes_hosted TRUE)
                if(NOT needs_system)
                    breach(${shown} ": is freestanding and includes the hosted lutra/" ${target})
                endif()
            endif()
            if(header STREQUAL "lutra.hpp")
                continue()
            endif()
            set(inside FALSE)
            if(kind STREQUAL "UMBRELLA" AND to MATCHES "^${room}/")
                set(inside TRUE)
            endif()
            if(target STREQUAL "lutra.hpp")
                breach(${shown} ": includes everything: include what it needs")
            elseif(NOT inside AND NOT to IN_LIST below_${room})
                breach(${shown} ": against the arrows: room " "${room}" " may not include lutra/" ${target})
            endif()
            if(target MATCHES "(^|/)detail/" AND NOT to STREQUAL room)
                breach(${shown} ": includes another room's detail: lutra/" ${target})
            endif()
        elseif(target MATCHES "${intrinsics}")
            if(NOT header MATCHES "${may_use_intrinsics}")
                breach(${shown} ": intrinsics belong to gemm/arch: " ${target})
            endif()
        elseif(target MATCHES "^xsimd/")
            if(NOT header MATCHES "${may_use_xsimd}")
                breach(${shown} ": xsimd belongs to numeric/float_batch.hpp and gemm/arch: " ${target})
            endif()
        elseif(NOT needs_system)
            foreach(pattern IN LISTS hosted_only)
                if(target MATCHES "${pattern}")
                    breach(${shown} ": is freestanding and includes <" ${target} ">")
                endif()
            endforeach()
        endif()
    endforeach()
    if(kind STREQUAL "HOSTED" AND NOT (stop AND hosted_guard) AND NOT includes_hosted)
        breach(${shown} ": is hosted but neither stops on firmware with #if !LUTRA_HOSTED, #error nor includes a header "
               "that does")
    endif()
endforeach()

# Everything that is compiled or configured carries the licence; C++ lines end at column 125.
string(REPEAT "." 126 too_long)
foreach(dir IN ITEMS include tests examples bench fuzz cmake docs)
    file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/${dir}/*.hpp ${ROOT}/${dir}/*.cpp ${ROOT}/${dir}/*.cmake
         ${ROOT}/${dir}/CMakeLists.txt)
    foreach(source IN LISTS sources)
        file(STRINGS ${ROOT}/${source} first LIMIT_COUNT 1)
        if(NOT first MATCHES "^(//|#) SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception$")
            breach(${source} ": does not begin with the SPDX line")
        endif()
        if(source MATCHES "\\.[hc]pp$")
            file(STRINGS ${ROOT}/${source} long REGEX "${too_long}")
            if(long)
                breach(${source} ": has a line of more than 125 columns")
            endif()
        endif()
    endforeach()
endforeach()

# What a clone brings at the top: nothing that a tool left behind.
set(top_level "^(CMakeLists\\.txt|CMakePresets\\.json|README\\.md|CHANGELOG\\.md|CONTRIBUTING\\.md|LICENSE|\\.[a-z-]+)$")
find_program(GIT git)
if(GIT AND EXISTS ${ROOT}/.git)
    execute_process(COMMAND ${GIT} -C ${ROOT} ls-files OUTPUT_VARIABLE tracked OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(REPLACE "\n" ";" tracked "${tracked}")
    list(FILTER tracked EXCLUDE REGEX "/")
    foreach(file IN LISTS tracked)
        if(NOT file MATCHES "${top_level}")
            breach(${file} ": does not belong at the top of the repository")
        endif()
    endforeach()
endif()

list(LENGTH headers total)
if(breaches GREATER 0)
    message(FATAL_ERROR "${breaches} breaches in ${total} headers")
endif()
message("${total} headers keep the rules")
