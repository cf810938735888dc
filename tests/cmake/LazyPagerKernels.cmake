# The test kernels: each is a build of its own below kernel/ARCH, made by the
# build of this one with the toolchain file of its machine.
include(ExternalProject)

set(lp_kernel_dir ${PROJECT_SOURCE_DIR}/tests/kernel)

# The topics of the conformance suite: what its files call their tables.
file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/conformance/*.c)
set(lp_topics "")
foreach(file IN LISTS files)
    file(STRINGS ${file} lines
        REGEX "^const struct conf_case conf_[a-z]+_cases\\[\\]")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE ".*conf_([a-z]+)_cases.*" "\\1" topic "${line}")
        list(APPEND lp_topics ${topic})
    endforeach()
endforeach()

# What says to tests/kernel/run which image it is, and to keep its counts.
foreach(arch x86_64 riscv64)
    set(dir ${PROJECT_BINARY_DIR}/kernel/${arch})
    set(lp_kernel_${arch} --kernel ${dir}/tests/kernel/kernel)
    if(LP_COVERAGE)
        list(APPEND lp_kernel_${arch} --coverage ${dir})
    endif()
endforeach()

# lp_kernel_build(NAME ARCH [CMAKE_ARGS...]): the image is kernel/NAME/... below
# this build.
function(lp_kernel_build name arch)
    ExternalProject_Add(kernel-${name}
        SOURCE_DIR ${PROJECT_SOURCE_DIR}
        BINARY_DIR ${PROJECT_BINARY_DIR}/kernel/${name}
        PREFIX ${PROJECT_BINARY_DIR}/kernel/.${name}
        CMAKE_GENERATOR ${CMAKE_GENERATOR}
        CMAKE_ARGS
            -DCMAKE_TOOLCHAIN_FILE=${lp_kernel_dir}/toolchain-${arch}.cmake
            -DCMAKE_BUILD_TYPE=RelWithDebInfo
            "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2 -g"
            -DLP_KERNEL=ON
            -DLP_COVERAGE=${LP_COVERAGE}
            ${ARGN}
        BUILD_ALWAYS ON
        INSTALL_COMMAND ""
        USES_TERMINAL_BUILD ON)
endfunction()

# lp_kernel_image(ARCH [CMAKE_ARGS...]): the image is where tests/kernel/run
# looks for it.
function(lp_kernel_image arch)
    lp_kernel_build(${arch} ${arch} ${ARGN})
endfunction()

# lp_kernel_test(NAME ARCH TIMEOUT ARGUMENTS...): tests/kernel/run ARCH
# ARGUMENTS must exit with 0. NAME follows kernel/ARCH/.
function(lp_kernel_test name arch timeout)
    set(test ${LP_TEST_PREFIX}kernel/${arch}/${name})
    math(EXPR timeout "${timeout} * ${lp_patience}")
    math(EXPR outer "${timeout} + 20")
    add_test(NAME ${test} COMMAND ${Python3_EXECUTABLE} ${lp_kernel_dir}/run
        ${arch} --timeout ${timeout} ${lp_kernel_${arch}} ${ARGN})
    set_tests_properties(${test} PROPERTIES
        TIMEOUT ${outer} LABELS "kernel;kernel-${arch}")
endfunction()

# lp_kernel_conformance(ARCH VARIANT OPTIONS...): every topic of the suite on
# one and on two CPUs of one kind of machine.
function(lp_kernel_conformance arch variant)
    foreach(cpus 1 2)
        foreach(topic IN LISTS lp_topics)
            lp_kernel_test(${variant}/cpus-${cpus}/conformance/${topic}
                ${arch} 120 --cpus ${cpus} ${ARGN}
                --option conformance=${topic})
        endforeach()
    endforeach()
endfunction()

# lp_kernel_machine(ARCH VARIANT OPTIONS...): what is tested on every kind of
# machine: the suite, the CPU against the host machine's walker, the tables.
function(lp_kernel_machine arch variant)
    lp_kernel_conformance(${arch} ${variant} ${ARGN})
    lp_kernel_test(${variant}/mmu ${arch} 120 ${ARGN} --option mmu=10000)
    lp_kernel_test(${variant}/tables ${arch} 60 ${ARGN} --option tables=fork)
endfunction()

lp_kernel_image(x86_64)
lp_kernel_machine(x86_64 la57 --cpu max)
lp_kernel_machine(x86_64 qemu64 --cpu qemu64)
lp_kernel_test(max-4-levels/mmu x86_64 120
    --cpu max --option levels=4 --option mmu=10000)

lp_kernel_image(riscv64)
lp_kernel_machine(riscv64 sv39 --option levels=3)
lp_kernel_machine(riscv64 sv48 --option levels=4)
lp_kernel_machine(riscv64 sv57 --option levels=5)
# Flushes of other harts by the firmware instead of by our own interrupt, and
# the extensions that the emulator has.
foreach(topic cpus fork unmap protect)
    lp_kernel_test(sv39-sbi/cpus-2/conformance/${topic} riscv64 120 --cpus 2
        --option levels=3 --option flush=sbi --option conformance=${topic})
    lp_kernel_test(sv39-extensions/cpus-2/conformance/${topic} riscv64 120
        --cpu rv64,svinval=on,svnapot=on,svpbmt=on --cpus 2
        --option levels=3 --option conformance=${topic})
endforeach()

# The same kernels with the library as one file (tests/embed/amalgamate); what
# runs of it is counted in its own files only.
set(amalgamated x86_64 riscv64)
if(LP_COVERAGE)
    set(amalgamated "")
endif()
foreach(arch IN LISTS amalgamated)
    lp_kernel_build(${arch}-amalgamated ${arch} -DLP_AMALGAMATION=${arch})
    foreach(topic fork fault)
        lp_kernel_test(amalgamated/conformance/${topic} ${arch} 120
            --kernel ${PROJECT_BINARY_DIR}/kernel/${arch}-amalgamated/tests/kernel/kernel
            --option conformance=${topic})
    endforeach()
endforeach()

include(LazyPagerPrograms)
