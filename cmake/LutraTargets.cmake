# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The INTERFACE targets. Which header belongs to which stands in include/lutra/<room>/CMakeLists.txt.
include_guard(GLOBAL)

set(lutra_components core)
if(LUTRA_WITH_SIMD)
    list(APPEND lutra_components simd)
endif()
if(LUTRA_WITH_HOSTED)
    list(APPEND lutra_components hosted)
endif()
list(APPEND lutra_components lutra)
# What few want and nothing else includes: it is there where it was asked for and what it needs was found.
if(LUTRA_WITH_HOSTED AND LUTRA_WITH_SURROGATE)
    find_package(Eigen3 QUIET NO_MODULE)
    if(Eigen3_FOUND)
        list(APPEND lutra_components surrogate)
    else()
        message(STATUS "lutra: no Eigen, so no lutra::surrogate")
    endif()
endif()
if(LUTRA_WITH_HOSTED AND LUTRA_WITH_MPI)
    find_package(MPI QUIET COMPONENTS CXX)
    if(MPI_CXX_FOUND)
        list(APPEND lutra_components mpi)
    else()
        message(STATUS "lutra: no MPI, so no lutra::mpi")
    endif()
endif()

foreach(component IN LISTS lutra_components)
    add_library(lutra_${component} INTERFACE)
    add_library(lutra::${component} ALIAS lutra_${component})
    set_target_properties(lutra_${component} PROPERTIES EXPORT_NAME ${component} VERIFY_INTERFACE_HEADER_SETS
                                                                                 ${PROJECT_IS_TOP_LEVEL})
endforeach()
target_compile_features(lutra_core INTERFACE cxx_std_20)

# Dependencies are linked in the build tree only: the package configuration links what find_package found.
if(LUTRA_WITH_SIMD)
    lutra_need(xsimd MINIMUM 8.1)
    include(LutraXsimd)
    target_link_libraries(lutra_simd INTERFACE lutra_core $<BUILD_INTERFACE:xsimd>)
    target_compile_definitions(lutra_simd INTERFACE LUTRA_USE_XSIMD=1)
    target_link_libraries(lutra_lutra INTERFACE lutra_simd)
endif()
if(LUTRA_WITH_HOSTED)
    set(THREADS_PREFER_PTHREAD_FLAG ON)
    find_package(Threads REQUIRED)
    lutra_need(nlohmann_json MINIMUM 3.9)
    find_package(ZLIB QUIET)
    target_link_libraries(lutra_hosted INTERFACE lutra_core
                                                 $<BUILD_INTERFACE:Threads::Threads>
                                                 $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>
                                                 $<$<BOOL:${ZLIB_FOUND}>:$<BUILD_INTERFACE:ZLIB::ZLIB>>)
    if(ZLIB_FOUND)
        target_compile_definitions(lutra_hosted INTERFACE LUTRA_USE_ZLIB=1)
    else()
        target_compile_definitions(lutra_hosted INTERFACE LUTRA_USE_ZLIB=0)
    endif()
    target_link_libraries(lutra_lutra INTERFACE lutra_hosted)
endif()
target_link_libraries(lutra_lutra INTERFACE lutra_core)
if(TARGET lutra_surrogate)
    target_link_libraries(lutra_surrogate INTERFACE lutra_hosted $<BUILD_INTERFACE:Eigen3::Eigen>)
    target_compile_definitions(lutra_surrogate INTERFACE LUTRA_USE_EIGEN=1)
endif()
if(TARGET lutra_mpi)
    target_link_libraries(lutra_mpi INTERFACE lutra_hosted $<BUILD_INTERFACE:MPI::MPI_CXX>)
    target_compile_definitions(lutra_mpi INTERFACE LUTRA_USE_MPI=1)
endif()

# lutra::compiled: lutra::lutra with its large functions compiled once, with the flags of the build that it is part of. For
# programs of many translation units; nothing is built until one links it.
if(LUTRA_WITH_HOSTED AND LUTRA_WITH_SIMD)
    add_library(lutra_compiled STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cmake/compiled/functions.cpp
                                                       ${PROJECT_SOURCE_DIR}/cmake/compiled/networks.cpp)
    add_library(lutra::compiled ALIAS lutra_compiled)
    target_link_libraries(lutra_compiled PUBLIC lutra_lutra)
    target_compile_definitions(lutra_compiled INTERFACE LUTRA_USE_COMPILED=1)
    # It is what LUTRA_INLINE wants; member functions cannot say `extern`.
    target_compile_options(lutra_compiled PUBLIC $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-gnu-inline-cpp-without-extern>)
endif()

# lutra_room([FREESTANDING <header>...] [HOSTED <header>...] [UMBRELLA <header>...] [SURROGATE <header>...]
# [MPI <header>...]): the headers of the calling directory. HOSTED ones stop with #error on firmware; an UMBRELLA includes of
# both kinds what the build can have; SURROGATE and MPI ones are hosted, belong to those targets, and no other includes them.
function(lutra_room)
    cmake_parse_arguments(PARSE_ARGV 0 room "" "" "FREESTANDING;HOSTED;UMBRELLA;SURROGATE;MPI")
    foreach(pair IN ITEMS FREESTANDING:core HOSTED:hosted UMBRELLA:lutra SURROGATE:surrogate MPI:mpi)
        string(REPLACE ":" ";" pair ${pair})
        list(GET pair 0 kind)
        list(GET pair 1 component)
        set(files "")
        foreach(header IN LISTS room_${kind})
            cmake_path(ABSOLUTE_PATH header BASE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR} NORMALIZE)
            list(APPEND files ${header})
        endforeach()
        set_property(GLOBAL APPEND PROPERTY LUTRA_${kind}_HEADERS ${files})
        if(files AND TARGET lutra_${component})
            target_sources(lutra_${component} INTERFACE FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES
                                                        ${files})
        endif()
    endforeach()
endfunction()
add_subdirectory(${PROJECT_SOURCE_DIR}/include/lutra)
