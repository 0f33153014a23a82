# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Bare-metal RISC-V with picolibc. FIRMWARE_CPU holds the flags of the core. Debian's compiler has no C++ library; the headers
# of another bare-metal one of the same version do, for nothing of it is linked.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv)
set(CMAKE_CXX_COMPILER riscv64-unknown-elf-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(FIRMWARE_CXX_HEADERS /usr/include/newlib/c++/12.2.1 CACHE PATH "Headers of libstdc++; empty: the compiler's own")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES FIRMWARE_CPU FIRMWARE_CXX_HEADERS)
set(CMAKE_CXX_FLAGS_INIT "${FIRMWARE_CPU} --specs=picolibc.specs -fno-exceptions -fno-rtti -fno-threadsafe-statics \
-fno-unwind-tables -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections")
if(FIRMWARE_CXX_HEADERS)
    string(APPEND CMAKE_CXX_FLAGS_INIT
           " -nostdinc++ -isystem ${FIRMWARE_CXX_HEADERS} -isystem ${FIRMWARE_CXX_HEADERS}/arm-none-eabi")
endif()
