#!/usr/bin/env bash
# Puts the system packages in place that a build needs: scripts/bootstrap.sh [java] [examples] [test] [bench] [container]
#
# Each need is checked by its effect (a command that is found, a header that is there) and only what is missing is
# installed, so that a machine which has everything, from wherever, is left alone. On Debian and Ubuntu apt installs it
# where it may: as root, or through sudo where that asks no password. Elsewhere the packages are named, in one line, and
# nothing is touched.
set -euo pipefail

python=${PYTHON:-python3}
packages=()

has_nginx() {  # which is not on the PATH of every user
  test -x "$(command -v nginx || echo /usr/sbin/nginx)"
}

has_iptables() {
  test -x "$(command -v iptables || echo /usr/sbin/iptables)"
}

has_container_runtime() {
  command -v runc || command -v crun
}

has_container_network() {
  ls /usr/{lib,libexec}/podman/netavark /usr/{lib,libexec}/cni/bridge 2>/dev/null | grep .
}

need() {  # need PACKAGE COMMAND...: the package, unless the command succeeds
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || packages+=("$package")
}

stop() {
  echo "bootstrap: $*" >&2
  exit 1
}

# Debian's versioned interpreters come with packages of the same name: python3.11, python3.11-venv, python3.11-dev.
# An interpreter from elsewhere (pyenv, conda) brings both parts along.
has_python_headers() {
  "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
}

has_header() {
  test -e "/usr/include/$1" || echo "#include <$1>" | g++ -E -x c++ -
}

has_library() {  # has_library SONAME, among those that the dynamic linker finds
  "$(command -v ldconfig || echo /sbin/ldconfig)" -p | grep -F "$1 "
}

has_googletest() {
  test -e /usr/include/gtest/gtest.h || echo '#include <gtest/gtest.h>' | g++ -E -x c++ -
}

if command -v "$python" >/dev/null; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || stop "$python does not run"
  [[ $version =~ ^3\.[1-9][0-9]$ ]] || stop "$python is Python $version; needed is 3.10 or later: make setup PYTHON=..."
fi
need "$(basename "$python")" command -v "$python"
need "$(basename "$python")-venv" "$python" -c 'import ensurepip, venv'
need "$(basename "$python")-dev" has_python_headers
need g++ command -v g++
need make command -v make
need libdw-dev has_header elfutils/libdwfl.h
need curl command -v curl

for purpose in "$@"; do
  case $purpose in
    java)
      need default-jdk-headless command -v javac
      need default-jdk-headless command -v java
      ;;
    examples)
      need maven command -v mvn
      # The smallest set with OpenCV's dnn and imgcodecs: libopencv-dev would bring half a desktop along.
      need libopencv-dnn-dev has_header opencv4/opencv2/dnn.hpp
      need libopencv-imgcodecs-dev has_header opencv4/opencv2/imgcodecs.hpp
      need nlohmann-json3-dev has_header nlohmann/json.hpp
      need libjpeg-dev has_header jpeglib.h
      need libpng-dev has_header png.h
      ;;
    test)
      need libgtest-dev has_googletest
      need gdb command -v gdb
      need libjemalloc2 has_library libjemalloc.so.2
      need libtcmalloc-minimal4 has_library libtcmalloc_minimal.so.4
      need zsh command -v zsh
      need fish command -v fish
      need systemd command -v systemd-analyze
      need chromium command -v chromium
      need chromium-driver command -v chromedriver
      need nginx has_nginx
      need openssl command -v openssl
      ;;
    bench) need wrk command -v wrk; need nginx has_nginx ;;
    container)
      need podman command -v podman
      need runc has_container_runtime
      need netavark has_container_network
      need iptables has_iptables
      need mmdebstrap command -v mmdebstrap
      ;;
    *) stop "unknown purpose: $purpose (expected java, examples, test, bench or container)" ;;
  esac
done

if ((${#packages[@]})); then
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  sudo=()
  if ((EUID != 0)); then sudo=(sudo -n); fi
  if ! command -v apt-get >/dev/null || ! "${sudo[@]}" true 2>/dev/null; then
    stop "please install: ${packages[*]}   (as root on Debian or Ubuntu: apt-get install ${packages[*]})"
  fi
  echo "bootstrap: installing ${packages[*]}"
  "${sudo[@]}" apt-get -q update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${packages[@]}" ||
    stop "apt-get could not install ${packages[*]}"
fi
