# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include_guard(GLOBAL)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(lutra_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lutra)
foreach(component IN LISTS lutra_components)
    install(TARGETS lutra_${component} EXPORT lutra-${component} FILE_SET HEADERS DESTINATION
                                                                                  ${CMAKE_INSTALL_INCLUDEDIR})
    install(
        EXPORT lutra-${component}
        NAMESPACE lutra::
        FILE lutra-${component}.cmake
        DESTINATION ${lutra_package_dir})
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/lutraConfig.cmake.in ${PROJECT_BINARY_DIR}/lutraConfig.cmake
                              INSTALL_DESTINATION ${lutra_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lutraConfigVersion.cmake COMPATIBILITY SameMinorVersion
                                                                                 ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/lutraConfig.cmake ${PROJECT_BINARY_DIR}/lutraConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/LutraXsimd.cmake
        DESTINATION ${lutra_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/lutra)
