# How a test program becomes tests.
#
# Every test program answers two options:
#
#     --list        print the names of its cases, one a line
#     --test NAME   run that case alone; exit 0 only if it ran and passed
#
# lp_discover_tests(TARGET ...) asks the program for its list after each link
# and writes a file that ctest reads, so that each case is shown, selected,
# timed and run in parallel by itself. A program that was not built shows as
# one failing test.

# What every test sees in its environment. cmocka catches signals; with
# handle_segv=2 the sanitizer's report of a wild access comes first.
set(lp_environment
    ASAN_OPTIONS=handle_segv=2:handle_abort=0:detect_stack_use_after_return=1
    UBSAN_OPTIONS=print_stacktrace=1
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1)

# ThreadSanitizer wants its shadow at fixed addresses, which the layout
# randomisation of some kernels does not leave free.
set(lp_launcher "")
if(LP_SANITIZE STREQUAL "thread")
    find_program(LP_SETARCH setarch)
    if(LP_SETARCH)
        execute_process(COMMAND ${LP_SETARCH} -R true
            RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
        if(result EQUAL 0)
            set(lp_launcher ${LP_SETARCH} -R)
        endif()
    endif()
endif()

# How many times longer a test may take than elsewhere: counters make it slow,
# and where it is cut off it has not run at all.
set(lp_patience 1)
if(LP_COVERAGE)
    set(lp_patience 4)
endif()

# lp_add_program(NAME SOURCES... [THREADED] [LIBRARIES TARGETS...])
#
# An executable on the host machine, compiled as C11 with POSIX. It sees the
# public headers, core/, backends/host/ and tests/support/. Assertions stay in
# every build. Without THREADED it is left out where only threads are tested;
# then the target does not exist.
function(lp_add_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "THREADED" "" "LIBRARIES")
    if(LP_THREADED_ONLY AND NOT arg_THREADED)
        return()
    endif()
    add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
    set_target_properties(${name} PROPERTIES
        C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS ON)
    target_compile_options(${name} PRIVATE -UNDEBUG)
    target_link_libraries(${name} PRIVATE
        lp_build lp_test_support lazypager::host ${arg_LIBRARIES})
endfunction()

# lp_discover_tests(TARGET [PREFIX TEXT] [TIMEOUT SECONDS] [LABELS NAMES...]
#                   [LAUNCHER COMMAND...] [SKIP_RETURN_CODE STATUS])
#
# One test per case of TARGET, named ${LP_TEST_PREFIX}PREFIX<case>. LAUNCHER
# stands before the program when a case is run (not for --list). The default
# TIMEOUT is 60 seconds. A case that ends with SKIP_RETURN_CODE is shown as
# skipped.
function(lp_discover_tests target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "PREFIX;TIMEOUT;SKIP_RETURN_CODE"
        "LABELS;LAUNCHER")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * ${lp_patience}")
    set(base ${CMAKE_CURRENT_BINARY_DIR}/${target})
    set(tests ${base}-tests.cmake)
    add_custom_command(TARGET ${target} POST_BUILD
        BYPRODUCTS ${tests}
        COMMAND ${CMAKE_COMMAND}
            "-DPROGRAM=$<TARGET_FILE:${target}>"
            "-DOUTPUT=${tests}"
            "-DPREFIX=${LP_TEST_PREFIX}${arg_PREFIX}"
            "-DTIMEOUT=${arg_TIMEOUT}"
            "-DLABELS=${arg_LABELS}"
            "-DSKIP_RETURN_CODE=${arg_SKIP_RETURN_CODE}"
            "-DLIST_LAUNCHER=${lp_launcher}"
            "-DLAUNCHER=${lp_launcher};${arg_LAUNCHER}"
            "-DENVIRONMENT=${lp_environment}"
            -P ${PROJECT_SOURCE_DIR}/tests/cmake/DiscoverTests.cmake
        VERBATIM)
    set(missing "${LP_TEST_PREFIX}${arg_PREFIX}${target}_NOT_BUILT")
    file(WRITE ${base}-include.cmake
        "if(EXISTS \"${tests}\")\n"
        "  include(\"${tests}\")\n"
        "else()\n"
        "  add_test(\"${missing}\" \"${missing}\")\n"
        "endif()\n")
    set_property(DIRECTORY APPEND PROPERTY
        TEST_INCLUDE_FILES ${base}-include.cmake)
endfunction()

# lp_add_cmocka(NAME SOURCES... [THREADED] [TIMEOUT SECONDS]
#               [LIBRARIES TARGETS...])
#
# A cmocka program whose main is lp_test_main() of support/runner.h. Its tests
# appear under the names of their functions.
function(lp_add_cmocka name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "THREADED" "TIMEOUT" "LIBRARIES")
    set(threaded "")
    if(arg_THREADED)
        set(threaded THREADED)
    endif()
    lp_add_program(${name} ${arg_UNPARSED_ARGUMENTS} ${threaded}
        LIBRARIES lp_test_runner ${arg_LIBRARIES})
    if(TARGET ${name})
        lp_discover_tests(${name} TIMEOUT ${arg_TIMEOUT} LABELS unit)
    endif()
endfunction()

# lp_add_bench(NAME SOURCES...)
#
# A benchmark that answers --list and --test NAME. Each case is a test
# bench/NAME/<case>: it runs under callgrind, and the instructions counted
# must not exceed what bench/budget.txt allows.
function(lp_add_bench name)
    lp_add_program(${name} ${ARGN})
    if(TARGET ${name})
        lp_discover_tests(${name} PREFIX bench/${name}/ TIMEOUT 300
            LABELS bench
            LAUNCHER ${Python3_EXECUTABLE}
                ${PROJECT_SOURCE_DIR}/tests/bench/count)
    endif()
endfunction()
