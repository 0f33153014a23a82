# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# For scripts: builds a board's programs, runs them under QEMU and looks at what their images hold. The caller sets WORK, a
# folder for builds and logs; PROJECT, one with these presets; OPTIONS, arguments of its configuration; ARGUMENTS, for the
# command line that a program can ask for, such as ",arg=64,arg=2".

set(all_boards m3 m4 m7 m33 m55 rv32)
set(machine_m3 mps2-an385)
set(machine_m4 mps2-an386)
set(machine_m7 mps2-an500)
set(machine_m33 mps2-an505)
set(machine_m55 mps3-an547)
set(machine_rv32 virt)

# What belongs to a heap or to exceptions, helper functions of floating-point arithmetic, and its instructions. A Cortex-M55 has
# vector instructions of integers, too.
set(heap_symbols "malloc|_malloc_r|_sbrk|sbrk|free|_Zn[wa]j|_Zd[la]Pv[a-z]*|__cxa_throw")
set(float_symbols "__aeabi_[df][a-z0-9]+|__aeabi_u?[il]2[df]|__[a-z]+[ds]f[0-9a-z]*")
set(float_m4 "\tv[a-z0-9.]+")
set(float_m7 "\tv[a-z0-9.]+")
set(float_m33 "\tv[a-z0-9.]+")
set(float_m55 "\tv[a-z0-9]+(\\.[a-z0-9]+)?\\.f(16|32|64)|\tv[a-z0-9]+\\.f(16|32|64)")

# run_logged(<log> <command>...): fails with what the command says where that fails.
function(run_logged log)
    execute_process(COMMAND ${ARGN} OUTPUT_FILE ${WORK}/${log}.log ERROR_FILE ${WORK}/${log}.log RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        file(READ ${WORK}/${log}.log text)
        message(FATAL_ERROR "${text}\n${log} failed")
    endif()
endfunction()

# use_counter(): from now on QEMU says how many instructions a program took.
function(use_counter)
    set(source ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/count_instructions.c)
    run_logged(build-counter cc -O2 -shared -fPIC ${source} -o ${WORK}/libcount.so)
    set(counter -plugin ${WORK}/libcount.so PARENT_SCOPE)
endfunction()

# build_program(<board> <program>): sets `built` to its path. The board `host` is this machine.
function(build_program board program)
    set(folder ${WORK}/${board})
    if(NOT configured_${board})
        run_logged(configure-${board} ${CMAKE_COMMAND} --preset ${board} -S ${PROJECT} -B ${folder} ${OPTIONS})
        set(configured_${board} ON PARENT_SCOPE)
    endif()
    run_logged(build-${board}-${program} ${CMAKE_COMMAND} --build ${folder} --target ${program})
    set(built ${folder}/${program}.elf PARENT_SCOPE)
    if(board STREQUAL "host")
        set(built ${folder}/${program} PARENT_SCOPE)
    endif()
endfunction()

# ask(<board> <tool> <variable> <argument>...): what a tool of its compiler prints.
function(ask board tool variable)
    set(prefix arm-none-eabi)
    if(board MATCHES "^rv")
        set(prefix riscv64-unknown-elf)
    endif()
    execute_process(COMMAND ${prefix}-${tool} ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
    set(${variable} "${text}" PARENT_SCOPE)
endfunction()

# run_program(<board> <image>): sets `status`, `said`, what it printed, and `of_qemu`, what QEMU did.
function(run_program board image)
    set(qemu qemu-system-arm)
    if(board MATCHES "^rv")
        set(qemu qemu-system-riscv32 -bios none)
    endif()
    set(command ${qemu} -M ${machine_${board}} -nographic -monitor none -serial none ${counter} -chardev stdio,id=console
                -semihosting-config enable=on,target=native,chardev=console${ARGUMENTS} -kernel ${image})
    if(board STREQUAL "host")
        set(command ${image})
    endif()
    execute_process(COMMAND ${command} TIMEOUT 600 RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE of_qemu)
    set(status "${status}" PARENT_SCOPE)
    set(said "${said}" PARENT_SCOPE)
    set(of_qemu "${of_qemu}" PARENT_SCOPE)
endfunction()

# measure_image(<board> <image>): sets `flash` and `ram`, in bytes; what start-up copies takes both.
function(measure_image board image)
    ask(${board} size sizes ${image})
    string(REGEX MATCH "\n *([0-9]+)[\t ]+([0-9]+)[\t ]+([0-9]+)" _ "${sizes}")
    math(EXPR flash "${CMAKE_MATCH_1} + ${CMAKE_MATCH_2}")
    ask(${board} nm symbols ${image})
    string(REGEX MATCH "([0-9a-f]+) [A-Z] data_begin\n" _ "${symbols}")
    set(begin 0x${CMAKE_MATCH_1})
    string(REGEX MATCH "([0-9a-f]+) [A-Z] bss_end\n" _ "${symbols}")
    math(EXPR ram "0x${CMAKE_MATCH_1} - ${begin}")
    set(flash ${flash} PARENT_SCOPE)
    set(ram ${ram} PARENT_SCOPE)
endfunction()

# check_image(<board> <image>): sets `fault` to what it holds and must not: a heap, exceptions, static constructors,
# floating-point arithmetic.
function(check_image board image)
    set(fault "" PARENT_SCOPE)
    ask(${board} nm symbols ${image})
    if(symbols MATCHES "[ _](${heap_symbols}|${float_symbols})\n")
        set(fault "the image holds ${CMAKE_MATCH_1}" PARENT_SCOPE)
    endif()
    string(REGEX MATCH "([0-9a-f]+) [^ ] constructors_begin\n" _ "${symbols}")
    if(NOT symbols MATCHES "${CMAKE_MATCH_1} [^ ] constructors_end\n")
        set(fault "the image has static constructors" PARENT_SCOPE)
    endif()
    if(float_${board})
        ask(${board} objdump code -d --no-show-raw-insn ${image})
        if(code MATCHES "${float_${board}}[^\n]*")
            set(fault "the image computes with floating-point registers:${CMAKE_MATCH_0}" PARENT_SCOPE)
        endif()
    endif()
endfunction()
