# What `cmake --install` puts where: libraries, headers, a CMake package, and a
# pkg-config file for each library. Their paths are relative to one another, so
# that the tree may move.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(lp_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lazypager)

# lp_install(NAME): lazypager::NAME, its headers but for the host's, and
# lazypager-NAME.pc.
function(lp_install name)
    set_target_properties(lazypager_${name} PROPERTIES EXPORT_NAME ${name})
    target_include_directories(lazypager_${name} INTERFACE
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    install(TARGETS lazypager_${name} EXPORT lazypager
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

    file(RELATIVE_PATH lp_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "/$" "" lp_prefix ${lp_prefix})
    set(lp_name ${name})
    set(lp_requires "")
    set(lp_libs "-L\${libdir} -llazypager_${name}")
    set(lp_libs_private "")
    if(name STREQUAL "host")
        set(lp_requires "lazypager-core, lazypager-x86_64, lazypager-riscv64")
        set(lp_libs_private "-pthread")
    elseif(NOT name STREQUAL "core")
        set(lp_requires "lazypager-core")
    endif()
    get_target_property(type lazypager_${name} TYPE)
    if(type STREQUAL "INTERFACE_LIBRARY")
        set(lp_libs "")
    endif()
    configure_file(${PROJECT_SOURCE_DIR}/core/lazypager.pc.in
        ${PROJECT_BINARY_DIR}/lazypager-${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/lazypager-${name}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lazypager
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT lazypager NAMESPACE lazypager:: DESTINATION ${lp_package_dir})
configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/core/lazypager-config.cmake.in
    ${PROJECT_BINARY_DIR}/lazypager-config.cmake
    INSTALL_DESTINATION ${lp_package_dir})
# A kernel's own toolchain file need not know the size of a pointer.
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/lazypager-config-version.cmake
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/lazypager-config.cmake
    ${PROJECT_BINARY_DIR}/lazypager-config-version.cmake
    DESTINATION ${lp_package_dir})
