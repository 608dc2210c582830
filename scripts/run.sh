#!/usr/bin/env bash
# Runs eas-host with the arguments given here, and once it serves prints the curl line to try.
#
# The host takes this shell's place (exec), so that signals and the exit code are its own; what it prints passes
# through a filter that ends with the host's output and outlives a Ctrl+C that is meant for the host.
set -euo pipefail

show_curl() {
  trap '' INT TERM
  local line url=
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
      "listening on "*) url=${line#listening on } ;;
      *"Service start successfully") printf 'try: curl -d hello %s\n' "$url" ;;
    esac
  done
}

exec .venv/bin/eas-host "$@" > >(show_curl)
