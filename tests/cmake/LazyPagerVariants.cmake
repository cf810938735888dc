# The same tests with other compilers and options: each variant is a build of
# its own below variants/, made by the build of this one, and its tests are
# shown one by one here with the variant's name before theirs.
include(ExternalProject)

# lp_variant_build(NAME COMPILER BUILD_TYPE SANITIZE [CMAKE_ARGS...]): the build
# alone; its tests are not shown.
function(lp_variant_build name compiler type sanitize)
    set(dir ${PROJECT_BINARY_DIR}/variants/${name})
    ExternalProject_Add(variant-${name}
        SOURCE_DIR ${PROJECT_SOURCE_DIR}
        BINARY_DIR ${dir}
        PREFIX ${PROJECT_BINARY_DIR}/variants/.${name}
        CMAKE_GENERATOR ${CMAKE_GENERATOR}
        CMAKE_ARGS
            -DCMAKE_C_COMPILER=${compiler}
            -DCMAKE_BUILD_TYPE=${type}
            -DCMAKE_C_FLAGS_DEBUG=${CMAKE_C_FLAGS_DEBUG}
            -DLP_SANITIZE=${sanitize}
            -DLP_TEST_PREFIX=${name}:
            -DLP_CHECKS=OFF -DLP_MUTANTS=OFF -DLP_VARIANTS=OFF
            -DLP_KERNELS=OFF
            ${ARGN}
        LIST_SEPARATOR |
        BUILD_ALWAYS ON
        INSTALL_COMMAND ""
        # One at a time: each build uses all processors by itself.
        USES_TERMINAL_BUILD ON)
endfunction()

# lp_variant(NAME COMPILER BUILD_TYPE SANITIZE [CMAKE_ARGS...])
function(lp_variant name compiler type sanitize)
    lp_variant_build(${name} ${compiler} ${type} "${sanitize}" ${ARGN})
    set(dir ${PROJECT_BINARY_DIR}/variants/${name})
    file(WRITE ${dir}-include.cmake
        "if(EXISTS \"${dir}/CTestTestfile.cmake\")\n"
        "  subdirs(\"${dir}\")\n"
        "else()\n"
        "  add_test(\"${name}:NOT_BUILT\" \"${name}:NOT_BUILT\")\n"
        "endif()\n")
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR}/tests APPEND PROPERTY
        TEST_INCLUDE_FILES ${dir}-include.cmake)
endfunction()

lp_variant(clang-asan clang Debug address,undefined)
lp_variant(gcc-release gcc Release "" -DLP_BENCH=ON)
lp_variant(clang-release clang Release "")
lp_variant(tsan clang Debug thread -DLP_THREADED_ONLY=ON)

# Branches: a part of the tests, in a build that counts (BUILDING).
lp_variant_build(coverage gcc Debug "" -DLP_COVERAGE=ON -DLP_KERNELS=ON
    -DLP_TEST_PREFIX=)
add_test(NAME coverage COMMAND ${PROJECT_SOURCE_DIR}/tests/coverage/slice
    ${PROJECT_BINARY_DIR}/variants/coverage)
set_tests_properties(coverage PROPERTIES
    LABELS coverage TIMEOUT 900 COST 100 PROCESSORS 2)
