#!/usr/bin/env bash
# Makes the base of the container image from Debian's packages, for machines that reach these and no registry:
# scripts/base_image.sh [NAME]
#
# NAME is what the image is called, by default the base in Containerfile, which then needs not be pulled. It has what
# debian:12-slim has: the packages without which nothing runs, apt, and neither documentation nor translations. Its files
# are kept in the user's cache folder for a week, since Debian's security updates go into them. Needed: mmdebstrap, and
# podman, or another program that imports such images: PODMAN=docker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

suite=bookworm
name=${1:-$(sed -n 's/^ARG BASE=//p' Containerfile)}
files=${XDG_CACHE_HOME:-$HOME/.cache}/eas-host-base/$suite-$(cksum <scripts/base_image.sh | cut -d' ' -f1).tar

for tool in mmdebstrap "${PODMAN:-podman}"; do
  command -v "$tool" >/dev/null || { echo "base_image: $tool is not installed" >&2; exit 1; }
done
if [[ -z $(find "$files" -mtime -7 2>/dev/null) ]]; then
  mkdir -p "$(dirname "$files")"
  partial=$(mktemp "$files.XXXXXX")
  trap 'rm -f "$partial"' EXIT
  options=(--variant=apt --components=main --dpkgopt=force-unsafe-io)
  # Without this, a package is installed that merges /usr afterwards, and with it all of Perl.
  options+=(--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr)
  for folder in doc groff info linda lintian locale man; do
    options+=("--dpkgopt=path-exclude=/usr/share/$folder/*")
  done
  options+=('--dpkgopt=path-include=/usr/share/doc/*/copyright')
  options+=('--aptopt=Acquire::Languages "none"' '--aptopt=Apt::AutoRemove::SuggestsImportant "false"')
  mmdebstrap --quiet "${options[@]}" "$suite" - >"$partial"
  mv "$partial" "$files"
fi
"${PODMAN:-podman}" import --change 'CMD ["bash"]' "$files" "$name" >/dev/null
echo "base_image: $name, of $files"
