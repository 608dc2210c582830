# shellcheck shell=bash disable=SC2154  # `up` sources it, and sets the variables
# What a node needs: Debian's packages, and the programs that no Debian has, built from source.

# The newest that takes Debian 12's containerd, 1.6, and control groups of version 1.
kubernetes=1.37.2
# 0.9 raises dependencies that it shares with Kubernetes, and so builds nearly all of them again.
metrics_server=v0.8.0
build_folder=$home/build
export GOCACHE=${GOCACHE:-$home/go-build} GOMODCACHE=${GOMODCACHE:-$home/go-mod}

build() {
  install_packages
  mkdir -p "$build_folder"
  test -x "$bin/kube" || build_kube >"$log/build-kube.log" 2>&1
  test -x "$bin/metrics-server" || build_metrics_server >"$log/build-metrics-server.log" 2>&1
  link_names
  test -s "$run/pause.tar" || build_pause
  test -x "$bin/promtool" || take_promtool
}

install_packages() {
  local missing=()
  command -v containerd >/dev/null || missing+=(containerd)
  command -v runc >/dev/null || missing+=(runc)
  test -x /usr/lib/cni/bridge || missing+=(containernetworking-plugins)
  command -v nft >/dev/null || missing+=(nftables)
  command -v conntrack >/dev/null || missing+=(conntrack)
  test ${#missing[@]} = 0 && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log/apt.log" 2>&1
}

# From Debian's package of Prometheus, which is not installed: it would start one.
take_promtool() (
  cd "$build_folder" || exit
  apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb prometheus || exit
  install -m 755 prometheus/usr/bin/promtool "$bin/promtool"
  rm -rf prometheus prometheus_*.deb
)

# One program for etcd, kube-apiserver, kubelet, kubectl and all others: linked once, it takes a quarter of the disk, and
# of the time. Linking needs 3.3 GB of memory.
build_kube() {
  local folder=$build_folder/kube
  mkdir -p "$folder"
  write_module "$folder"
  cp "$here/kube.go" "$folder/main.go"
  (cd "$folder" && go mod tidy && build_go "$bin/kube" "-s -w $(version_flags)" .)
}

# Kubernetes's own go.mod replaces its parts by folders of its repository. Here they are the modules of the same release.
write_module() {
  local upstream
  upstream=$(cd "$build_folder" && go mod download -json "k8s.io/kubernetes@v$kubernetes" |
    sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  {
    printf 'module eas.test/kube\n\n'
    sed -n '/^go 1/p;/^godebug/p' "$upstream/go.mod"
    printf '\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$kubernetes"
    sed -n "s#^\s*\(k8s.io/[a-z0-9-]*\) v0.0.0\( //.*\)\?\$#\t\1 => \1 v0.${kubernetes#1.}#p" "$upstream/go.mod"
    echo ')'
  } >"$1/go.mod"
  install -m 644 "$upstream/go.sum" "$1/go.sum"
}

# The API server refuses to start if it does not know its version.
version_flags() {
  local package=k8s.io/component-base/version minor=${kubernetes#*.}
  echo "-X $package.gitVersion=v$kubernetes -X $package.gitMajor=1 -X $package.gitMinor=${minor%.*}" \
    "-X $package.gitTreeState=clean"
}

build_metrics_server() (
  local folder=$build_folder/metrics-server
  mkdir -p "$folder"
  cd "$folder" || exit
  test -f go.mod || go mod init eas.test/metrics-server
  go get -tool "sigs.k8s.io/metrics-server/cmd/metrics-server@$metrics_server"
  build_go "$bin/metrics-server" '-s -w' sigs.k8s.io/metrics-server/cmd/metrics-server
)

build_go() {  # build_go PROGRAM LDFLAGS PACKAGE. Nobody finds a program that is half written.
  CGO_ENABLED=0 nice -n 15 go build -trimpath -o "$1.new" -ldflags "$2" "$3"
  mv "$1.new" "$1"
}

# kube acts by the name that it is called by.
link_names() {
  local name
  for name in etcd kubectl kubelet kube-proxy kube-apiserver kube-controller-manager kube-scheduler; do
    ln -sf kube "$bin/$name"
  done
}

# The only process of a pod's sandbox: it waits to be ended.
build_pause() {
  mkdir -p "$run/pause"
  cc -static -Os -s -x c -o "$run/pause/pause" "$here/pause.c"
  python3 "$here/make_image.py" eas.test/pause:1 "$run/pause" "$run/pause.tar" '{"Entrypoint": ["/pause"]}'
}
