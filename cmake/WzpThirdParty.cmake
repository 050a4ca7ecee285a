# Builds third_party/ while configuring, once per recipe, compiler and flags, and keeps
# the result outside the checkout: a fresh clone or a second preset does not pay again.
# A finished one is <cache>/<key>; downloads are in <cache>/dl. Delete either at will.
if(DEFINED ENV{WZP_DEPS_CACHE})
  set(default "$ENV{WZP_DEPS_CACHE}")
elseif(DEFINED ENV{HOME})
  set(default "$ENV{HOME}/.cache/wzp-deps")
else()
  set(default "${PROJECT_BINARY_DIR}/deps")
endif()
set(WZP_DEPS_CACHE "${default}" CACHE PATH "Downloads and built third-party libraries")
option(WZP_ALLOW_UNPATCHED "Build third-party libraries even without security patches" ON)

# Sets `key` to the name of the result: equal inputs, equal name.
function(_third_party_key settings key)
  # Not a list of sources: whatever lies in the folder decides the result.
  file(GLOB_RECURSE recipes "${PROJECT_SOURCE_DIR}/third_party/*")
  list(FILTER recipes EXCLUDE REGEX "\\.md$")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${recipes})
  set(inputs "${settings}")
  foreach(lang IN ITEMS C CXX)
    list(APPEND inputs "${CMAKE_${lang}_COMPILER_ID} ${CMAKE_${lang}_COMPILER_VERSION}")
  endforeach()
  foreach(recipe IN LISTS recipes)
    file(SHA256 "${recipe}" hash)
    list(APPEND inputs ${hash})
  endforeach()
  string(SHA256 hash "${CMAKE_SYSTEM_PROCESSOR} ${inputs}")
  string(SUBSTRING ${hash} 0 12 hash)
  set(${key} "${CMAKE_CXX_COMPILER_ID}-${CMAKE_CXX_COMPILER_VERSION}-${hash}" PARENT_SCOPE)
endfunction()

# Configures, builds and installs third_party/ into `prefix`, which appears when finished.
function(_third_party_build settings prefix)
  file(MAKE_DIRECTORY "${WZP_DEPS_CACHE}")
  file(LOCK "${prefix}.lock" GUARD FUNCTION TIMEOUT 1800)
  if(EXISTS "${prefix}")
    return()  # another configure built it while this one waited
  endif()
  message(STATUS "Building third-party libraries: about a minute, once per compiler and flags")
  set(work "${prefix}.build")
  file(REMOVE_RECURSE "${work}")
  execute_process(
    COMMAND ${CMAKE_COMMAND} --log-level=NOTICE -S "${PROJECT_SOURCE_DIR}/third_party" -B "${work}"
      -G ${CMAKE_GENERATOR} -DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM}
      -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER} -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
      -DCMAKE_INSTALL_PREFIX=${work}/install -DWZP_DEPS_DL=${WZP_DEPS_CACHE}/dl ${settings}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
  execute_process(
    COMMAND ${CMAKE_COMMAND} --build "${work}" --parallel ${cores} --target install
    OUTPUT_FILE "${work}/build.log" ERROR_FILE "${work}/build.log" RESULT_VARIABLE status)
  if(status)
    message(FATAL_ERROR "Third-party libraries do not build; see ${work}/build.log")
  endif()
  file(RENAME "${work}/install" "${prefix}")
  file(REMOVE_RECURSE "${work}")
endfunction()

set(asserts ON)  # ngtcp2 checks itself except where a user pays for it
if(CMAKE_BUILD_TYPE MATCHES "^(Release|MinSizeRel)$")
  set(asserts OFF)
endif()
set(settings
  "-DCMAKE_C_FLAGS=${CMAKE_C_FLAGS}" "-DCMAKE_CXX_FLAGS=${CMAKE_CXX_FLAGS}"
  -DCMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE}
  -DWZP_DEPS_ASSERTS=${asserts} -DWZP_WITH_HTTP3=${WZP_WITH_HTTP3}
  -DWZP_ALLOW_UNPATCHED=${WZP_ALLOW_UNPATCHED})
_third_party_key("${settings}" key)
set(WZP_THIRD_PARTY "${WZP_DEPS_CACHE}/${key}")
if(NOT EXISTS "${WZP_THIRD_PARTY}")
  _third_party_build("${settings}" "${WZP_THIRD_PARTY}")
endif()

file(STRINGS "${WZP_THIRD_PARTY}/summary.txt" summary)
foreach(line IN LISTS summary)
  message(STATUS "Using ${line}")
endforeach()
if(summary MATCHES "WITHOUT SECURITY PATCHES")
  message(WARNING "Delete ${WZP_THIRD_PARTY} to try again for the security patches.")
endif()

include(wzpImport)
wzp_import_third_party("${WZP_THIRD_PARTY}/lib" "${WZP_THIRD_PARTY}/include")
wzp_import(Catch2::Catch2 "${WZP_THIRD_PARTY}/lib/libCatch2.a"
  HEADERS "${WZP_THIRD_PARTY}/include")
wzp_import(Catch2::Catch2WithMain "${WZP_THIRD_PARTY}/lib/libCatch2Main.a"
  LINKS Catch2::Catch2)
