# The programs that run in the test kernels, and their tests; included by
# LazyPagerKernels.cmake.
#
# A program of tests/kernel/programs becomes kernel/programs/KIND/NAME below
# this build, a static Linux program each:
#
#     musl   x86-64, musl's C library
#     glibc  x86-64, the GNU C library
#     pie    x86-64, the GNU C library, position-independent
#     riscv  RISC-V, the GNU C library
#
# Most are run here and in the kernel, and must do the same in both
# (tests/kernel/compare). One program is one test: it has many small cases, and
# booting costs more than most of them.

set(lp_programs_dir ${lp_kernel_dir}/programs)
set(lp_programs ${PROJECT_BINARY_DIR}/kernel/programs)

find_program(LP_MUSL_GCC musl-gcc REQUIRED)
find_program(LP_GLIBC_GCC gcc REQUIRED)
find_program(LP_RISCV64_GCC riscv64-linux-gnu-gcc REQUIRED)
find_program(LP_BUSYBOX busybox PATHS /bin NO_DEFAULT_PATH REQUIRED)

# Tables of cases, with kit.c; those with check.h; those that are not to be run
# outside the kernel, or of which not all that they print is the same from run
# to run; and what tests of tests/kernel/run use.
set(lp_kit_programs anonymous clocks descriptors execs floats forks handlers
    hostile mapped pipelines pointers stack tree)
set(lp_check_programs files memory names pipes process random signals)
set(lp_lonely_programs exec leaks shortage storm)
set(lp_tool_programs counted ending family)

# --- how they are built ------------------------------------------------------

# Calls that a compiler can see to be wrong are what the programs are about.
set(lp_program_flags -std=gnu11 -O2 -g -frounding-math
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    -Wno-stringop-overflow -Wno-stringop-overread -Wno-nonnull
    -Wno-array-bounds
    $<$<BOOL:${LP_WERROR}>:-Werror>)
set(lp_program_files "")

# lp_kernel_program(KIND NAME COMPILER OPTIONS...)
function(lp_kernel_program kind name compiler)
    set(dir ${lp_programs_dir})
    set(sources ${dir}/${name}.c)
    if(NOT EXISTS ${sources})
        set(sources ${dir}/riscv64/${name}.c)
    endif()
    file(STRINGS ${sources} kit REGEX "^#include \"kit.h\"")
    if(kit)
        list(APPEND sources ${dir}/kit.c)
    endif()
    set(output ${lp_programs}/${kind}/${name})
    add_custom_command(OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${lp_programs}/${kind}
        COMMAND ${compiler} ${lp_program_flags} ${ARGN} ${sources}
            -o ${output} -lm
        DEPENDS ${sources} ${dir}/kit.h ${dir}/check.h
        VERBATIM COMMAND_EXPAND_LISTS)
    set(lp_program_files ${lp_program_files} ${output} PARENT_SCOPE)
endfunction()

foreach(name IN LISTS lp_kit_programs lp_tool_programs)
    lp_kernel_program(musl ${name} ${LP_MUSL_GCC} -static)
endforeach()
foreach(name IN LISTS lp_kit_programs lp_check_programs lp_lonely_programs
        lp_tool_programs)
    lp_kernel_program(glibc ${name} ${LP_GLIBC_GCC} -static)
    lp_kernel_program(riscv ${name} ${LP_RISCV64_GCC} -static)
endforeach()
lp_kernel_program(riscv traps ${LP_RISCV64_GCC} -static)
set(lp_pie_programs anonymous execs forks mapped)
foreach(name IN LISTS lp_pie_programs)
    lp_kernel_program(pie ${name} ${LP_GLIBC_GCC} -static-pie -fPIE)
endforeach()
add_custom_target(kernel-programs ALL DEPENDS ${lp_program_files})

# --- how they are tested -----------------------------------------------------

# lp_kernel_compare(NAME ARCH TIMEOUT ARGUMENTS...): as lp_kernel_test, with
# tests/kernel/compare.
function(lp_kernel_compare name arch timeout)
    set(test ${LP_TEST_PREFIX}kernel/${arch}/programs/${name})
    math(EXPR timeout "${timeout} * ${lp_patience}")
    math(EXPR outer "${timeout} * 2 + 20")
    add_test(NAME ${test}
        COMMAND ${Python3_EXECUTABLE} ${lp_kernel_dir}/compare
            ${arch} --timeout ${timeout} ${lp_kernel_${arch}} ${ARGN})
    set_tests_properties(${test} PROPERTIES TIMEOUT ${outer}
        LABELS "kernel;kernel-${arch};programs")
endfunction()

# lp_compare_programs(VARIANT ARCH KIND OPTIONS... PROGRAMS NAMES...)
function(lp_compare_programs variant arch kind)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" PROGRAMS)
    set(host "")
    if(arch STREQUAL "riscv64")
        set(host yes)
    endif()
    foreach(name IN LISTS arg_PROGRAMS)
        set(options ${arg_UNPARSED_ARGUMENTS})
        if(host)
            list(APPEND options --host ${lp_programs}/glibc/${name})
        endif()
        lp_kernel_compare(${variant}/${name} ${arch} 60 ${options}
            ${lp_programs}/${kind}/${name})
    endforeach()
endfunction()

# What depends on how system calls reach user memory, and on the machine.
set(lp_fixup_programs anonymous descriptors execs forks handlers mapped
    pointers stack)
set(lp_machine_programs anonymous floats forks handlers stack)

lp_compare_programs(musl-cpus-1 x86_64 musl PROGRAMS ${lp_kit_programs})
lp_compare_programs(glibc-cpus-2 x86_64 glibc --cpus 2
    PROGRAMS ${lp_kit_programs} ${lp_check_programs})
lp_compare_programs(fixup x86_64 glibc --option copy=fixup
    PROGRAMS ${lp_fixup_programs})
lp_compare_programs(qemu64-cpus-2 x86_64 musl --cpus 2 --cpu qemu64
    PROGRAMS ${lp_machine_programs})
lp_compare_programs(pie x86_64 pie PROGRAMS ${lp_pie_programs})

lp_compare_programs(glibc-cpus-1 riscv64 riscv PROGRAMS ${lp_kit_programs})
lp_compare_programs(glibc-cpus-2 riscv64 riscv --cpus 2
    PROGRAMS ${lp_kit_programs} ${lp_check_programs})
lp_compare_programs(fixup riscv64 riscv --option copy=fixup
    PROGRAMS ${lp_fixup_programs})
lp_compare_programs(sv39-cpus-2 riscv64 riscv --cpus 2 --option levels=3
    PROGRAMS ${lp_machine_programs})

foreach(name IN LISTS lp_lonely_programs)
    lp_kernel_test(programs/glibc-cpus-2/${name} x86_64 120 --cpus 2
        ${lp_programs}/glibc/${name})
    lp_kernel_test(programs/glibc-cpus-2/${name} riscv64 120 --cpus 2
        ${lp_programs}/riscv/${name})
endforeach()

lp_kernel_test(programs/glibc-cpus-2/traps riscv64 60 --cpus 2
    ${lp_programs}/riscv/traps)

# Debian's busybox is there for this architecture only.
set(files --file ${lp_programs_dir}/busybox.sh=/busybox.sh)
foreach(name anonymous tree)
    list(APPEND files --file ${lp_programs}/glibc/${name}=/data/${name})
endforeach()
lp_kernel_compare(busybox x86_64 150 ${files} ${LP_BUSYBOX} sh busybox.sh)
lp_kernel_compare(busybox-cpus-2 x86_64 150 --cpus 2 --option copy=fixup
    ${files} ${LP_BUSYBOX} sh busybox.sh)

# --- tests/kernel/run itself -------------------------------------------------

set(lp_test_run ${lp_kernel_dir}/test_run)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${lp_test_run})
foreach(arch x86_64 riscv64)
    execute_process(
        COMMAND ${Python3_EXECUTABLE} -B ${lp_test_run} ${arch} --list
        OUTPUT_VARIABLE cases OUTPUT_STRIP_TRAILING_WHITESPACE
        COMMAND_ERROR_IS_FATAL ANY)
    string(REPLACE "\n" ";" cases "${cases}")
    foreach(case IN LISTS cases)
        set(test ${LP_TEST_PREFIX}kernel/${arch}/run/${case})
        add_test(NAME ${test}
            COMMAND ${Python3_EXECUTABLE} -B ${lp_test_run} ${arch}
                --build ${PROJECT_BINARY_DIR}/kernel --test ${case})
        set_tests_properties(${test} PROPERTIES TIMEOUT 180
            LABELS "kernel;kernel-${arch};run")
    endforeach()
endforeach()

# --- traces ------------------------------------------------------------------

# lp_kernel_trace(ARCH CPUS KIND): what family.c does is in its trace, and in the
# picture of it.
function(lp_kernel_trace arch cpus kind)
    set(test ${LP_TEST_PREFIX}kernel/${arch}/trace/cpus-${cpus})
    add_test(NAME ${test}
        COMMAND ${Python3_EXECUTABLE} -B
            ${PROJECT_SOURCE_DIR}/tests/view/test_view
            --kernel ${PROJECT_BINARY_DIR}/kernel/${arch}/tests/kernel/kernel
            --arch ${arch} --cpus ${cpus} --program ${lp_programs}/${kind}/family)
    set_tests_properties(${test} PROPERTIES TIMEOUT 120
        LABELS "kernel;kernel-${arch};view")
endfunction()

foreach(cpus 1 2)
    lp_kernel_trace(x86_64 ${cpus} musl)
    lp_kernel_trace(riscv64 ${cpus} riscv)
endforeach()
