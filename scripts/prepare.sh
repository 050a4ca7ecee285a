# Sourced by the other scripts: installs what building needs, and builds.
# Everything comes from Debian's archive; what the build fetches itself is in third_party/.

packages=(
  # to build
  build-essential cmake ninja-build pkg-config patch dpkg-dev debian-archive-keyring ca-certificates
  # libraries
  libfmt-dev rapidjson-dev libopus-dev libspeexdsp-dev libcli11-dev libtomlplusplus-dev libspdlog-dev
  libmicrohttpd-dev libwslay-dev
  # to run the demo and the tests: voices, processes, networks
  espeak-ng python3 iproute2 nftables
)

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Installs the packages that are missing; does nothing when none is.
prepare() {
  command -v apt-get >/dev/null || die "this needs Debian 12 or newer with: ${packages[*]}"
  local missing=() package
  for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  # The source packages we fetch are signed with the keys of Debian 13, which an early Debian 12 does not know.
  [[ -e /usr/share/keyrings/debian-archive-trixie-automatic.gpg ]] || missing+=(debian-archive-keyring)
  [[ ${#missing[@]} -gt 0 ]] || return 0

  local root=()
  if [[ $(id -u) != 0 ]]; then
    root=(sudo)
    # Without a terminal nobody can type a password.
    [[ -t 0 ]] || root+=(-n)
    "${root[@]}" true 2>/dev/null || die "please install as root: apt-get install ${missing[*]}"
  fi
  say "Installing ${missing[*]}"
  "${root[@]}" apt-get -qq update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# build PRESET: configures and builds into build/PRESET; shows output only when it fails.
build() {
  local preset=$1 log=build/$1.log
  mkdir -p build
  say "Building build/$preset (log: $log; the first time takes some minutes)"
  cmake --preset "$preset" >"$log" 2>&1 &&
    cmake --build --preset "$preset" --parallel "$(nproc)" >>"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    die "the build failed; the whole log is $log"
  }
}
