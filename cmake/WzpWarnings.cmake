# What our own code is compiled with. Third-party headers come in as system headers.
add_library(wzp_warnings INTERFACE)
target_compile_options(wzp_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
  # g++ 12 takes the unused members of a moved std::variant for uninitialized.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<BOOL:${WZP_WERROR}>:-Werror>)
