# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Bare-metal Cortex-M. FIRMWARE_CPU holds the flags of the core.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex_m)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES FIRMWARE_CPU)
set(CMAKE_CXX_FLAGS_INIT "${FIRMWARE_CPU} -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-unwind-tables \
-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections")
