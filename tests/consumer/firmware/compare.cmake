# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# cmake -D IMAGE=<elf> -D HOST=<program> -D QEMU=<qemu-system-arm> -D NM=<nm> -P compare.cmake: the board prints what the
# host prints, and the image holds neither a heap nor floating-point arithmetic.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${HOST} OUTPUT_VARIABLE expected COMMAND_ERROR_IS_FATAL ANY)
execute_process(
    COMMAND ${QEMU} -M mps2-an386 -nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel
            ${IMAGE}
    TIMEOUT 60
    RESULT_VARIABLE status
    OUTPUT_VARIABLE on_board ERROR_VARIABLE on_board)
message("${on_board}")
if(NOT status EQUAL 0)
    message(FATAL_ERROR "the board ended with status ${status}")
endif()
if(expected STREQUAL "" OR NOT on_board STREQUAL expected)
    message(FATAL_ERROR "the host prints something else:\n${expected}")
endif()

execute_process(COMMAND ${NM} ${IMAGE} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(symbols MATCHES "[ _](malloc|_malloc_r|_sbrk|free|_Znwj|_Znaj|__cxa_throw|__aeabi_[df][a-z0-9]+)\n")
    message(FATAL_ERROR "the image holds ${CMAKE_MATCH_1}")
endif()
