# wzp_library(<name> HEADERS a.hpp... SOURCES x.cpp... [PUBLIC target...] [PRIVATE target...])
#
# Makes wzp::<name> from libs/<name>: headers in include/wzp/<name>/ (installed),
# sources in src/. A private dependency that is needed to compile but not to link
# is written $<BUILD_INTERFACE:target>, so that the installed package does not ask for it.
function(wzp_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;SOURCES;PUBLIC;PRIVATE")
  list(TRANSFORM arg_HEADERS PREPEND "include/wzp/${name}/")
  list(TRANSFORM arg_SOURCES PREPEND "src/")

  set(target wzp_${name})  # not wzp-<name>: wzp-relay and wzp-client are programs
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(wzp::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME wzp-${name} EXPORT_NAME ${name})
  target_sources(${target} PUBLIC
    FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target}
    PUBLIC ${arg_PUBLIC}
    PRIVATE ${arg_PRIVATE} $<BUILD_INTERFACE:wzp_warnings>)

  install(TARGETS ${target} EXPORT wzpTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  set_property(GLOBAL APPEND PROPERTY WZP_LIBRARIES ${name})
  set(modules ${arg_PUBLIC} ${arg_PRIVATE})
  list(FILTER modules INCLUDE REGEX "^PkgConfig::")
  list(TRANSFORM modules REPLACE "^PkgConfig::" "")
  set_property(GLOBAL APPEND PROPERTY WZP_MODULES ${modules})
endfunction()
