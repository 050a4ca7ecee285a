# wzp_package(): what `cmake --install` gives to others besides libraries and headers:
# find_package(wzp) with wzp::proto etc., and wzp.pc for everybody else.
include(CMakePackageConfigHelpers)

function(wzp_package)
  get_property(libraries GLOBAL PROPERTY WZP_LIBRARIES)
  get_property(modules GLOBAL PROPERTY WZP_MODULES)  # of pkg-config, that libraries link
  set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/wzp)
  set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

  # The archives we pin, in the order a linker wants. A folder of ours, because a system
  # library of the same name is another build.
  set(archives ngtcp2_crypto_wolfssl ngtcp2 wolfssl)
  if(WZP_WITH_HTTP3)
    list(PREPEND archives nghttp3)
  endif()
  set(files ${archives})
  list(TRANSFORM files REPLACE "(.+)" "${WZP_THIRD_PARTY}/lib/lib\\1.a")
  install(FILES ${files} DESTINATION ${CMAKE_INSTALL_LIBDIR}/wzp)

  install(EXPORT wzpTargets NAMESPACE wzp:: DESTINATION ${config_dir})
  configure_package_config_file(cmake/wzpConfig.cmake.in wzpConfig.cmake
    INSTALL_DESTINATION ${config_dir} PATH_VARS CMAKE_INSTALL_LIBDIR)
  write_basic_package_version_file(wzpConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/wzpImport.cmake
    ${PROJECT_BINARY_DIR}/wzpConfig.cmake ${PROJECT_BINARY_DIR}/wzpConfigVersion.cmake
    DESTINATION ${config_dir})

  # Static libraries only, so what they need belongs to the plain link line.
  list(REVERSE libraries)
  list(TRANSFORM libraries PREPEND "-lwzp-")
  list(TRANSFORM archives REPLACE "(.+)" "\${libdir}/wzp/lib\\1.a")
  list(JOIN modules ", " pc_modules)
  list(JOIN libraries " " pc_libraries)
  list(JOIN archives " " pc_archives)
  set(pc_system "-lwslay -lm")  # what has no pkg-config file
  file(RELATIVE_PATH pc_prefix /${pc_dir} /)  # relocatable
  configure_file(cmake/wzp.pc.in wzp.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/wzp.pc DESTINATION ${pc_dir})
endfunction()
