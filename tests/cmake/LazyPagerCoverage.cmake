# What a build with LP_COVERAGE does besides: the counters begin anew with each
# build, and the target coverage-report tells what has run since.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
set(lp_report ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/coverage/report
    ${PROJECT_BINARY_DIR})

add_custom_target(coverage-reset ALL COMMAND ${lp_report} --reset VERBATIM
    COMMENT "Setting the counters to nothing")
add_custom_target(coverage-report
    COMMAND ${lp_report} --html --ratchet
        ${PROJECT_SOURCE_DIR}/tests/coverage/full.txt
    USES_TERMINAL VERBATIM COMMENT "What has run")

# Conditions: every condition of a decision was seen to decide it (clang 19).
add_custom_target(coverage-mcdc
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/coverage/mcdc
        ${PROJECT_BINARY_DIR}/mcdc
    USES_TERMINAL VERBATIM COMMENT "Conditions that decided")
