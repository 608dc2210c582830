# shellcheck shell=bash disable=SC2154  # `up` sources it, and sets the variables
# The image eas.test/eas-host:1: a small Debian, what eas-host imports, and eas-host as it is in this repository, built.

host_image() {
  test -x "$run/rootfs/usr/bin/python3" || make_debian >"$log/debootstrap.log" 2>&1
  test -e "$run/packages/opt/eas/uvloop" || install_packages_of_host >"$log/packages.log" 2>&1
  copy_host
  image eas.test/eas-host:1 "$run/rootfs:$run/packages:$run/host" '{
    "Entrypoint": ["python3", "-m", "eas_host"], "User": "10001:10001",
    "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONPATH=/opt/eas", "PYTHONDONTWRITEBYTECODE=1"]}'
}

# Without what only people read.
make_debian() {
  local mirror
  command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap
  # shellcheck disable=SC2016  # it is apt's variable
  mirror=$(apt-get indextargets --format '$(SITE)' | head -1)
  rm -rf "$run/rootfs"
  debootstrap --variant=minbase --include=python3 bookworm "$run/rootfs" "$mirror"
  rm -rf "$run"/rootfs/var/cache/apt/archives/*.deb "$run"/rootfs/var/lib/apt/lists/* \
    "$run"/rootfs/usr/share/{doc,locale,man}/*
}

# For Python 3.11, which Debian 12 has, whichever runs this.
install_packages_of_host() {
  "$repository/.venv/bin/python" - "$repository/pyproject.toml" <<'END' >"$run/requirements.txt"
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
print(*re.findall(r'^ +"(.+?)",', text.partition("\ndependencies = [")[2].partition("\n]")[0], re.MULTILINE), sep="\n")
END
  rm -rf "$run/packages"
  "$repository/.venv/bin/pip" install -q --no-compile --python-version 3.11 --only-binary :all: \
    --target "$run/packages/opt/eas" -r "$run/requirements.txt"
}

# The echo in Python is where --files-in-image looks for local files.
copy_host() {
  rm -rf "$run/host"
  mkdir -p "$run/host/opt/eas" "$run/host/processor"
  cp -r "$repository"/host/{eas_host,eas_runtime,allspark} "$run/host/opt/eas/"
  cp "$repository/examples/echo/python/app.py" "$run/host/processor/"
  find "$run/host" -name __pycache__ -prune -exec rm -rf {} +
}
