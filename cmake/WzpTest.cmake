# wzp_test(<name> SOURCES a_test.cpp... [LIBS target...] [LABELS label...]
#          [TIMEOUT seconds] [SERIAL])
#
# One executable, one CTest entry: starting a process per test case would cost more
# than the cases do. Run a single case with  test-<name> "its sentence".
# SERIAL: nothing else runs meanwhile, for tests that watch the clock of the machine.
# TIMEOUT only where the usual one does not fit; it then wins over that of a preset.
# WZP_TESTS_DIR is the tests folder, for golden files.
function(wzp_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "SOURCES;LIBS;LABELS")
  set(target test-${name})
  add_executable(${target} ${arg_SOURCES})
  target_compile_features(${target} PRIVATE cxx_std_20)
  # Tests are compiled more often than they run long, and half of that is reading the same headers.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1;-g0>)
  target_precompile_headers(${target} PRIVATE
    <catch2/catch_test_macros.hpp> <catch2/generators/catch_generators.hpp> <algorithm> <chrono> <functional> <map>
    <memory> <optional> <set> <string> <unordered_map> <variant> <vector>)
  target_compile_definitions(${target} PRIVATE WZP_TESTS_DIR="${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${target} PRIVATE ${arg_LIBS} Catch2::Catch2WithMain wzp_warnings)

  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES LABELS "${name};${arg_LABELS}" RUN_SERIAL ${arg_SERIAL})
  if(arg_TIMEOUT)
    set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT})
  endif()
endfunction()
