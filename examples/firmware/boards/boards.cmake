# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Programs for a board: start-up, linker script and console. include() it after project(); a preset of CMakePresets.json says
# which board. Or write your own: a program needs none of this to use lutra.
include_guard(GLOBAL)

set(FIRMWARE_FLASH "" CACHE STRING "Flash of the board: origin and length, as the linker writes them")
set(FIRMWARE_RAM "" CACHE STRING "Its RAM, likewise")
set(FIRMWARE_STACK 4K CACHE STRING "Stack, at the end of the RAM")
set(FIRMWARE_TABLES FLASH CACHE STRING "Where multipliers' tables lie: FLASH, or RAM, if it is the faster memory")

set(board_folder ${CMAKE_CURRENT_LIST_DIR})
if(CMAKE_SYSTEM_NAME STREQUAL "Generic")
    list(LENGTH FIRMWARE_FLASH flash)
    list(LENGTH FIRMWARE_RAM ram)
    if(NOT flash EQUAL 2 OR NOT ram EQUAL 2)
        message(FATAL_ERROR "FIRMWARE_FLASH is '${FIRMWARE_FLASH}' and FIRMWARE_RAM '${FIRMWARE_RAM}'; expected origin;length")
    endif()
    list(GET FIRMWARE_FLASH 0 flash_origin)
    list(GET FIRMWARE_FLASH 1 flash_length)
    list(GET FIRMWARE_RAM 0 ram_origin)
    list(GET FIRMWARE_RAM 1 ram_length)
    if(NOT FIRMWARE_TABLES MATCHES "^(FLASH|RAM)$")
        message(FATAL_ERROR "FIRMWARE_TABLES is '${FIRMWARE_TABLES}'; expected FLASH or RAM")
    endif()
    set(tables_in_FLASH "")
    set(tables_in_RAM "")
    set(tables_in_${FIRMWARE_TABLES} "*(.rodata._ZN*6frozen*multiplier*)")
    set(board_script ${CMAKE_CURRENT_BINARY_DIR}/board.ld)
    configure_file(${board_folder}/board.ld.in ${board_script} @ONLY)
    set(board_sources ${board_folder}/${CMAKE_SYSTEM_PROCESSOR}.cpp ${board_folder}/semihosting.cpp)
else()
    set(board_sources ${board_folder}/host.cpp)
endif()

# add_board_program(<name> <source>...)
function(add_board_program name)
    add_executable(${name} ${ARGN} ${board_sources})
    target_include_directories(${name} PRIVATE ${board_folder})
    target_compile_definitions(${name} PRIVATE LUTRA_CUSTOM_PANIC=1) # they say what went wrong
    target_link_libraries(${name} PRIVATE lutra::core)
    target_compile_options(${name} PRIVATE -Wall -Wextra -Wconversion -Wshadow -Wno-psabi)
    if(board_script)
        # No C++ library is linked, and of the C library only what the compiler itself calls, such as memcpy.
        target_link_options(${name} PRIVATE -nostartfiles -nodefaultlibs -Wl,--gc-sections -T ${board_script})
        target_link_libraries(${name} PRIVATE -Wl,--start-group -lc -lgcc -Wl,--end-group)
        set_target_properties(${name} PROPERTIES LINK_DEPENDS ${board_script} SUFFIX .elf)
    endif()
endfunction()
