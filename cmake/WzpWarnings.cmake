# What our own code is compiled with. Third-party headers come in as system headers.
add_library(wzp_warnings INTERFACE)
target_compile_options(wzp_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
  $<$<BOOL:${WZP_WERROR}>:-Werror>)
