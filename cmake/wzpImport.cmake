# wzp_import(<target> <archive> [HEADERS dir] [DEFINITIONS d...] [LINKS target...])
#
# A static library that we pin and build, as an imported target. The build and the
# installed package both use this; the package leaves out HEADERS, because our libraries
# need these archives to link but never show their headers.
function(wzp_import target archive)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "HEADERS" "DEFINITIONS;LINKS")
  if(NOT TARGET ${target})
    add_library(${target} STATIC IMPORTED)
    set_target_properties(${target} PROPERTIES
      IMPORTED_LOCATION "${archive}"
      INTERFACE_INCLUDE_DIRECTORIES "${arg_HEADERS}"
      INTERFACE_COMPILE_DEFINITIONS "${arg_DEFINITIONS}"
      INTERFACE_LINK_LIBRARIES "${arg_LINKS}")
  endif()
endfunction()

# wzp_import_third_party(<archives> [<headers>])
function(wzp_import_third_party archives)
  wzp_import(wolfssl::wolfssl "${archives}/libwolfssl.a" HEADERS ${ARGN}
    DEFINITIONS WOLFSSL_USER_SETTINGS LINKS Threads::Threads m)
  wzp_import(ngtcp2::ngtcp2 "${archives}/libngtcp2.a" HEADERS ${ARGN}
    DEFINITIONS NGTCP2_STATICLIB)
  wzp_import(ngtcp2::crypto_wolfssl "${archives}/libngtcp2_crypto_wolfssl.a" HEADERS ${ARGN}
    LINKS ngtcp2::ngtcp2 wolfssl::wolfssl)
  if(EXISTS "${archives}/libnghttp3.a")
    wzp_import(nghttp3::nghttp3 "${archives}/libnghttp3.a" HEADERS ${ARGN}
      DEFINITIONS NGHTTP3_STATICLIB)
  endif()
endfunction()
