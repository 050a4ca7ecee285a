#!/bin/sh
# apt-fetch.sh tar|diff|deb SUITE PACKAGE OUT
# Puts into OUT the original tarball (tar) or the packaging with its patches (diff) of a
# source package, or a binary package (deb). Any user can run it: apt gets a source list
# and state of its own. apt checks the archive's signature and the hashes under it.
set -eu
kind=$1 suite=$2 package=$3 out=$4

# The mirror this machine already uses, in the new format of source lists or the old.
mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
  awk '$1 == "URIs:" || $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }')
[ -n "$mirror" ] || { echo "no Debian mirror in /etc/apt"; exit 1; }

case $kind in deb) type=deb ;; *) type=deb-src ;; esac
state=$out/apt-$type-$suite
mkdir -p "$state/lists/partial"
echo "$type [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$state/sources.list"

apt() {
  # sourceparts=-, preferences: the machine's own lists and pins cannot change the answer;
  # pkgcache: nothing is written to root's cache; Sandbox: no warning as a normal user.
  apt-get -qq \
    -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State::Lists="$state/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none \
    -o Acquire::Retries=2 -o Acquire::http::Timeout=20 "$@"
}

[ -e "$state/updated" ] || { apt update -o APT::Update::Error-Mode=any && : > "$state/updated"; }
cd "$out"
# Never the whole of "apt-get source": it fails when the archive lacks one of the files.
case $kind in
  tar) apt --tar-only source "$package" ;;
  diff) apt --diff-only source "$package" ;;
  deb) apt download "$package" ;;
esac
