# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# cmake -D SAMPLE=<html_report_sample> -D BROWSER=<chromium> -D WORK=<folder> -P html_report_browser.cmake
# Opens the sample pages in headless Chromium. Fails where the browser has anything to say on its console, or where it draws
# nothing. The screenshots stay in WORK.
cmake_minimum_required(VERSION 3.25)

foreach(variable IN ITEMS SAMPLE BROWSER WORK)
    if(NOT ${variable})
        message(FATAL_ERROR "-D ${variable}=... is missing")
    endif()
endforeach()
cmake_path(ABSOLUTE_PATH WORK NORMALIZE)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

# Draws ${WORK}/<page>.html as ${WORK}/<picture>.png; `said` are the lines of the console, `bytes` the size of the picture.
function(draw page picture)
    set(profile ${WORK}/profile)
    set(png ${WORK}/${picture}.png)
    file(REMOVE_RECURSE ${profile})
    file(MAKE_DIRECTORY ${profile})
    execute_process(
        COMMAND ${BROWSER} --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
                --disable-component-update --disable-sync --user-data-dir=${profile} --enable-logging=stderr --v=0
                --screenshot=${png} --window-size=1200,2400 ${ARGN} file://${WORK}/${page}.html
        RESULT_VARIABLE status
        OUTPUT_VARIABLE log
        ERROR_VARIABLE log
        TIMEOUT 120)
    file(REMOVE_RECURSE ${profile})
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${picture}: the browser ended with ${status}:\n${log}")
    endif()
    if(NOT EXISTS ${png})
        message(FATAL_ERROR "${picture}: there is no screenshot:\n${log}")
    endif()
    file(READ ${png} header LIMIT 24 HEX) # eight bytes of signature, the chunk's length and name, width, height
    if(NOT header MATCHES "^89504e470d0a1a0a0000000d49484452000004b000000960$")
        message(FATAL_ERROR "${picture}: the screenshot is no PNG of 1200 x 2400 pixels: ${header}")
    endif()
    file(SIZE ${png} bytes)
    string(REGEX MATCHALL "[^\n]*CONSOLE[^\n]*" said "${log}")
    set(said "${said}" PARENT_SCOPE)
    set(bytes ${bytes} PARENT_SCOPE)
endfunction()

file(WRITE ${WORK}/blank.html "<!DOCTYPE html><html><head><title>blank</title></head><body></body></html>")
draw(blank blank)
set(blank_bytes ${bytes})

foreach(shot IN ITEMS full:full:light full:dark:dark hostile:hostile:light bare:bare:light large:large:light)
    string(REPLACE ":" ";" shot ${shot})
    list(GET shot 0 page)
    list(GET shot 1 picture)
    list(GET shot 2 scheme)
    execute_process(COMMAND ${SAMPLE} ${page} ${WORK}/${page}.html RESULT_VARIABLE status ERROR_VARIABLE why)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${SAMPLE} ${page}: ${status}\n${why}")
    endif()
    set(preferred 1)
    if(scheme STREQUAL "dark")
        set(preferred 0)
    endif()
    draw(${page} ${picture} --blink-settings=preferredColorScheme=${preferred})
    if(said)
        list(JOIN said "\n" said)
        message(FATAL_ERROR "${picture}: the browser says on its console:\n${said}")
    endif()
    math(EXPR least "3 * ${blank_bytes}")
    if(bytes LESS least)
        message(FATAL_ERROR "${picture}: the screenshot has ${bytes} bytes, a blank one ${blank_bytes}; expected ${least} or more")
    endif()
    file(SIZE ${WORK}/${page}.html page_bytes)
    message("${picture}: ${page_bytes} bytes of page, nothing on the console, a screenshot of ${bytes} bytes (blank: "
            "${blank_bytes})")
endforeach()
file(SHA256 ${WORK}/full.png light)
file(SHA256 ${WORK}/dark.png dark)
if(light STREQUAL dark)
    message(FATAL_ERROR "the page looks the same in the dark")
endif()

# What is looked for is found: the page's own policy stops scripts and pictures from elsewhere, and the console says so.
file(READ ${WORK}/full.html full)
foreach(fault IN ITEMS "script|<script>document.body.textContent = ''</script>"
                       "image|<img alt=\"\" src=\"http://127.0.0.1:9/x.png\"/>")
    string(REPLACE "|" ";" fault "${fault}")
    list(GET fault 0 name)
    list(GET fault 1 markup)
    string(REPLACE "</main>" "${markup}</main>" broken "${full}")
    if(broken STREQUAL full)
        message(FATAL_ERROR "full.html has no </main>")
    endif()
    file(WRITE ${WORK}/with_${name}.html "${broken}")
    draw(with_${name} with_${name})
    if(NOT said MATCHES "Content Security Policy")
        message(FATAL_ERROR "the browser did not refuse a page's ${name}: '${said}'")
    endif()
    message("with_${name}: refused, as it should be")
endforeach()
