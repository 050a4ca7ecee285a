# Packages of the distribution; each becomes one imported target.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(opus REQUIRED IMPORTED_TARGET opus>=1.3)
pkg_check_modules(speexdsp REQUIRED IMPORTED_TARGET speexdsp>=1.2)
pkg_check_modules(libmicrohttpd REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
find_package(wslay CONFIG REQUIRED)  # has no pkg-config file; its target is plain `wslay`

if(WZP_APPS)
  find_package(fmt 9.1 REQUIRED)
  find_package(spdlog 1.10 REQUIRED)
  find_package(CLI11 2.1 REQUIRED)
  find_package(tomlplusplus 3.3 REQUIRED)
endif()

# RapidJSON's own package file names no target. A system include, because its headers do
# not pass our warnings; and its empty stack adds to a null pointer, harmlessly.
find_package(RapidJSON 1.1 REQUIRED)
add_library(wzp_rapidjson INTERFACE)
target_include_directories(wzp_rapidjson SYSTEM INTERFACE ${RAPIDJSON_INCLUDE_DIRS})
# Its empty stack adds an offset to a null pointer, which clang's sanitizer reports.
target_compile_options(wzp_rapidjson INTERFACE $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=pointer-overflow>)
target_compile_options(wzp_rapidjson INTERFACE -fno-sanitize=pointer-overflow)

# Libraries that we pin and build.
include(WzpThirdParty)
