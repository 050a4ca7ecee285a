# Packages of the distribution; each becomes one imported target.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt 9.1 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(tomlplusplus 3.3 REQUIRED)
pkg_check_modules(opus REQUIRED IMPORTED_TARGET opus>=1.3)
pkg_check_modules(speexdsp REQUIRED IMPORTED_TARGET speexdsp>=1.2)

# RapidJSON's own package file names no target. A system include, because its
# headers do not pass our warnings.
find_package(RapidJSON 1.1 REQUIRED)
add_library(wzp_rapidjson INTERFACE)
target_include_directories(wzp_rapidjson SYSTEM INTERFACE ${RAPIDJSON_INCLUDE_DIRS})

# Libraries that we pin and build.
include(WzpThirdParty)
