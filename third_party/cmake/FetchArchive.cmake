# fetch_source(<name> VERSION v FILE f SHA256 h UPSTREAM url DEBIAN suite TOP dir KEEP path...
#              [PATCHES file PATCHES_SHA256 h])
#   Unpacks the paths KEEP under TOP of an archive and applies the security patches of the
#   Debian source package of the same name.
# fetch_package(<name> VERSION v FILE f SHA256 h DEBIAN suite PACKAGE p)
#   Unpacks a Debian binary package.
# Both set <name>_SOURCE_DIR and add a line to the list WZP_DEPS_SUMMARY (global property).
#
# An archive is looked for in WZP_DEPS_DL, then asked of apt, then of UPSTREAM, and used
# only if its SHA-256 is the pinned one. Patches follow the Debian archive, whose
# signature apt checks: the pinned set if it is at hand, else whatever is current.

set(_fetch_apt "${CMAKE_CURRENT_LIST_DIR}/apt-fetch.sh")
set(_fetch_incoming "${CMAKE_BINARY_DIR}/incoming")
file(MAKE_DIRECTORY "${WZP_DEPS_DL}" "${_fetch_incoming}")

# Runs apt-fetch.sh; `log` says how it went.
function(_fetch_with_apt kind suite package log)
  execute_process(COMMAND sh "${_fetch_apt}" ${kind} ${suite} ${package} "${_fetch_incoming}"
    OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status TIMEOUT 600)
  string(STRIP "${output}" output)
  string(REPLACE "\n" "\n      " output "${output}")
  set(${log} "apt, ${suite}: exit ${status}\n      ${output}" PARENT_SCOPE)
endfunction()

# True if the file is there and has this hash; says so if it is there and has another.
function(_fetch_verify path sha256 result)
  set(${result} FALSE PARENT_SCOPE)
  if(EXISTS "${path}")
    file(SHA256 "${path}" actual)
    if(actual STREQUAL sha256)
      set(${result} TRUE PARENT_SCOPE)
    else()
      message(NOTICE "-- ignoring ${path}: its SHA-256 is ${actual}, not ${sha256}")
    endif()
  endif()
endfunction()

# Sees to it that `file` is in WZP_DEPS_DL and has the right hash, or stops.
function(_fetch_archive file sha256 kind suite package url)
  _fetch_verify("${WZP_DEPS_DL}/${file}" ${sha256} found)
  if(found)
    return()
  endif()
  message(NOTICE "-- fetching ${file}")
  set(tried "cache: no good copy in ${WZP_DEPS_DL}")
  _fetch_with_apt(${kind} ${suite} ${package} log)
  list(APPEND tried "${log}")
  _fetch_verify("${_fetch_incoming}/${file}" ${sha256} found)
  if(NOT found AND url)
    file(DOWNLOAD "${url}" "${_fetch_incoming}/${file}" STATUS status INACTIVITY_TIMEOUT 20)
    list(POP_BACK status text)
    list(APPEND tried "${url}: ${text}")
    if(status)  # it may have left a beginning of the file
      file(REMOVE "${_fetch_incoming}/${file}")
    endif()
    _fetch_verify("${_fetch_incoming}/${file}" ${sha256} found)
  endif()
  if(NOT found)
    list(JOIN tried "\n    " tried)
    message(FATAL_ERROR "Could not get ${file} (SHA-256 ${sha256}). Tried:\n    ${tried}\n"
      "Put the file into ${WZP_DEPS_DL}, or name another folder in WZP_DEPS_CACHE (files in its dl/).")
  endif()
  file(RENAME "${_fetch_incoming}/${file}" "${WZP_DEPS_DL}/${file}")
endfunction()

# Unpacks debian/ of the best set of patches into `into`; `used` is its file name or empty.
function(_fetch_patches name version suite file sha256 into used)
  set(${used} "" PARENT_SCOPE)
  _fetch_verify("${WZP_DEPS_DL}/${file}" ${sha256} found)
  if(NOT found)
    _fetch_with_apt(diff ${suite} ${name} log)
    file(GLOB fresh "${_fetch_incoming}/${name}_${version}-*.debian.tar.xz")
    file(GLOB known "${WZP_DEPS_DL}/${name}_${version}-*.debian.tar.xz")
    list(REMOVE_ITEM known "${WZP_DEPS_DL}/${file}")
    list(SORT known COMPARE NATURAL)
    list(APPEND known ${fresh})
    if(NOT known)
      message(NOTICE "-- no security patches for ${name}:\n    ${log}")
      return()
    endif()
    list(POP_BACK known best)
    cmake_path(GET best FILENAME name)
    if(NOT name STREQUAL file)
      message(NOTICE "-- ${name} is not the set that third_party/ pins, ${file}")
    endif()
    if(fresh)
      file(RENAME "${best}" "${WZP_DEPS_DL}/${name}")
    endif()
    set(file ${name})
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} -E tar xf "${WZP_DEPS_DL}/${file}"
    WORKING_DIRECTORY "${into}" COMMAND_ERROR_IS_FATAL ANY)
  set(${used} ${file} PARENT_SCOPE)
endfunction()

# Applies what fixes a vulnerability; the rest of debian/patches is about packaging.
function(_fetch_apply_patches debian source count)
  set(series)
  if(EXISTS "${debian}/patches/series")
    file(STRINGS "${debian}/patches/series" series REGEX "^CVE-")
  endif()
  find_program(PATCH patch REQUIRED)
  foreach(patch IN LISTS series)
    execute_process(
      COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C
        ${PATCH} -p1 -s -f --no-backup-if-mismatch -r - -i "${debian}/patches/${patch}"
      WORKING_DIRECTORY "${source}" RESULT_VARIABLE status OUTPUT_VARIABLE log ERROR_VARIABLE log)
    # Parts for files that KEEP left out are skipped by patch, and may be.
    if(status AND NOT log MATCHES "No file to patch" OR log MATCHES "FAILED")
      message(FATAL_ERROR "${patch} does not apply to ${source}:\n${log}")
    endif()
  endforeach()
  list(LENGTH series length)
  set(${count} ${length} PARENT_SCOPE)
endfunction()

function(fetch_source name)
  cmake_parse_arguments(PARSE_ARGV 1 arg ""
    "VERSION;FILE;SHA256;UPSTREAM;DEBIAN;TOP;PATCHES;PATCHES_SHA256" "KEEP")
  set(source "${CMAKE_BINARY_DIR}/src/${arg_TOP}")
  set(${name}_SOURCE_DIR "${source}" PARENT_SCOPE)
  if(EXISTS "${source}")
    return()
  endif()
  _fetch_archive(${arg_FILE} ${arg_SHA256} tar ${arg_DEBIAN} ${name} "${arg_UPSTREAM}")

  set(unpacked "${CMAKE_BINARY_DIR}/unpack/${name}")
  file(REMOVE_RECURSE "${unpacked}")
  list(TRANSFORM arg_KEEP PREPEND "${arg_TOP}/")
  file(ARCHIVE_EXTRACT INPUT "${WZP_DEPS_DL}/${arg_FILE}" DESTINATION "${unpacked}"
    PATTERNS ${arg_KEEP})

  set(summary "${name} ${arg_VERSION}")
  if(arg_PATCHES)
    _fetch_patches(${name} ${arg_VERSION} ${arg_DEBIAN} ${arg_PATCHES} ${arg_PATCHES_SHA256}
      "${unpacked}" used)
    if(used)
      _fetch_apply_patches("${unpacked}/debian" "${unpacked}/${arg_TOP}" count)
      string(APPEND summary " with ${count} security patches of ${used}")
    elseif(WZP_ALLOW_UNPATCHED)
      string(APPEND summary " WITHOUT SECURITY PATCHES")
    else()
      message(FATAL_ERROR "No security patches for ${name}, and WZP_ALLOW_UNPATCHED is off")
    endif()
  endif()
  set_property(GLOBAL APPEND PROPERTY WZP_DEPS_SUMMARY "${summary}")
  # Last, so that an interrupted run is not taken for a finished one.
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/src")
  file(RENAME "${unpacked}/${arg_TOP}" "${source}")
endfunction()

function(fetch_package name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "VERSION;FILE;SHA256;DEBIAN;PACKAGE" "")
  set(source "${CMAKE_BINARY_DIR}/src/${name}-${arg_VERSION}")
  set(${name}_SOURCE_DIR "${source}" PARENT_SCOPE)
  _fetch_archive(${arg_FILE} ${arg_SHA256} deb ${arg_DEBIAN} ${arg_PACKAGE} "")
  execute_process(COMMAND dpkg-deb -x "${WZP_DEPS_DL}/${arg_FILE}" "${source}"
    COMMAND_ERROR_IS_FATAL ANY)
  set_property(GLOBAL APPEND PROPERTY WZP_DEPS_SUMMARY "${name} ${arg_VERSION}")
endfunction()
