# Write OUTPUT, a file for ctest with one test per case of PROGRAM; see
# LazyPagerTests.cmake. The build fails when the list cannot be had.

cmake_minimum_required(VERSION 3.25)

execute_process(
    COMMAND ${CMAKE_COMMAND} -E env ${ENVIRONMENT}
        ${LIST_LAUNCHER} ${PROGRAM} --list
    OUTPUT_VARIABLE list ERROR_VARIABLE errors RESULT_VARIABLE result
    TIMEOUT 60)
if(NOT result EQUAL 0)
    file(REMOVE ${OUTPUT})
    message(FATAL_ERROR "${PROGRAM} --list: ${result}\n${list}${errors}")
endif()

string(REGEX REPLACE "\n+$" "" list "${list}")
string(REPLACE "\n" ";" list "${list}")
if(list STREQUAL "")
    file(REMOVE ${OUTPUT})
    message(FATAL_ERROR "${PROGRAM} --list: no tests")
endif()

list(REMOVE_ITEM LAUNCHER "")
set(launcher "")
foreach(word IN LISTS LAUNCHER)
    string(APPEND launcher "[==[${word}]==] ")
endforeach()

set(text "")
set(seen "")
foreach(name IN LISTS list)
    if(NOT name MATCHES "^[A-Za-z0-9_./:+-]+$")
        message(FATAL_ERROR "${PROGRAM} --list: not a name: '${name}'")
    endif()
    if(name IN_LIST seen)
        message(FATAL_ERROR "${PROGRAM} --list: twice: '${name}'")
    endif()
    list(APPEND seen ${name})
    set(test "[==[${PREFIX}${name}]==]")
    string(APPEND text
        "add_test(${test} ${launcher}[==[${PROGRAM}]==] --test ${name})\n"
        "set_tests_properties(${test} PROPERTIES TIMEOUT ${TIMEOUT}"
        " ENVIRONMENT [==[${ENVIRONMENT}]==]")
    if(LABELS)
        string(APPEND text " LABELS [==[${LABELS}]==]")
    endif()
    if(SKIP_RETURN_CODE)
        string(APPEND text " SKIP_RETURN_CODE ${SKIP_RETURN_CODE}")
    endif()
    string(APPEND text ")\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
