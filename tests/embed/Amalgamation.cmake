# The core and the backends that LP_AMALGAMATION names, as one file: what an
# embedder gets who copies lazypager.c and lazypager.h. Everything that links
# lazypager::core or such a backend is then built and tested from that file.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

set(lp_amalgamation_dir ${PROJECT_BINARY_DIR}/amalgamation)
file(GLOB lp_public RELATIVE ${PROJECT_SOURCE_DIR}/include
    CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/lazypager/*.h)
file(GLOB lp_parts CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/include/lazypager/*.h
    ${PROJECT_SOURCE_DIR}/core/*.[ch] ${PROJECT_SOURCE_DIR}/backends/*/*.[ch]
    ${CMAKE_CURRENT_LIST_DIR}/amalgamate)
set(lp_amalgamate ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/amalgamate
    --out ${lp_amalgamation_dir} ${LP_AMALGAMATION})
# Once now: what includes the header may be compiled before what is made of it.
if(NOT EXISTS ${lp_amalgamation_dir}/lazypager.h)
    execute_process(COMMAND ${lp_amalgamate} COMMAND_ERROR_IS_FATAL ANY)
endif()

# What includes <lazypager/space.h> gets the one header; those of backends that
# are not in it stay.
file(GLOB others RELATIVE ${PROJECT_SOURCE_DIR}/backends
    ${PROJECT_SOURCE_DIR}/backends/*)
list(REMOVE_ITEM others ${LP_AMALGAMATION})
foreach(header IN LISTS lp_public)
    cmake_path(GET header STEM stem)
    if(NOT stem IN_LIST others)
        file(CONFIGURE OUTPUT ${lp_amalgamation_dir}/${header}
            CONTENT "#include \"../lazypager.h\"\n")
    endif()
endforeach()

# lp_amalgamated_sources(NAME VARIABLE): the one file for the core, nothing for
# a backend that is in it, which then stands for the core.
function(lp_amalgamated_sources name variable)
    if(name STREQUAL "core")
        # In the directory of the target that compiles it, or nobody makes it.
        add_custom_command(
            OUTPUT ${lp_amalgamation_dir}/lazypager.c
                ${lp_amalgamation_dir}/lazypager.h
            COMMAND ${lp_amalgamate}
            DEPENDS ${lp_parts}
            COMMENT "Making lazypager.c and lazypager.h" VERBATIM)
        set(${variable} ${lp_amalgamation_dir}/lazypager.c
            ${lp_amalgamation_dir}/lazypager.h PARENT_SCOPE)
    elseif(name IN_LIST LP_AMALGAMATION)
        set(${variable} "" PARENT_SCOPE)
    endif()
endfunction()
