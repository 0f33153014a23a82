# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Bare-metal Cortex-M. LUTRA_ARM_CPU holds the flags of the core.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(LUTRA_ARM_CPU "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16" CACHE STRING "The flags of the core")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LUTRA_ARM_CPU)
set(CMAKE_CXX_FLAGS_INIT
    "${LUTRA_ARM_CPU} -fno-exceptions -fno-rtti -fno-threadsafe-statics -ffunction-sections -fdata-sections")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
