# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# cmake -D SOURCE=<file> -D COMPILER=<c++> -D INCLUDE=<dir> -P compile_fail.cmake: the file must not compile, and the
# compiler must say each text that a line "// EXPECT: <text>" of the file gives.
cmake_minimum_required(VERSION 3.25)

file(READ ${SOURCE} rest)
set(expectations 0)
execute_process(
    COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C ${COMPILER} -std=c++20 -fsyntax-only -fmessage-length=0 -I ${INCLUDE} ${SOURCE}
    RESULT_VARIABLE code
    OUTPUT_VARIABLE said
    ERROR_VARIABLE said)
if(code EQUAL 0)
    message(SEND_ERROR "${SOURCE} compiles and must not")
endif()
while(rest MATCHES "// EXPECT: ([^\n]+)\n")
    set(text "${CMAKE_MATCH_1}")
    string(FIND "${rest}" "// EXPECT: ${text}" at)
    string(LENGTH "// EXPECT: ${text}" length)
    math(EXPR at "${at} + ${length}")
    string(SUBSTRING "${rest}" ${at} -1 rest)
    math(EXPR expectations "${expectations} + 1")
    string(FIND "${said}" "${text}" found)
    if(found EQUAL -1)
        message(SEND_ERROR "the compiler does not say '${text}' but:\n${said}")
    endif()
endwhile()
if(expectations EQUAL 0)
    message(SEND_ERROR "${SOURCE} has no line '// EXPECT: <text>'")
endif()
