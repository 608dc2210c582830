# shellcheck shell=bash disable=SC2154  # `up` sources it, and sets the variables
# The files that the node's programs read.

write_settings() {
  make_certificates
  : >"$run/tokens.csv"
  chmod 600 "$run/tokens.csv"
  add_identity admin admin system:masters
  add_identity kubelet system:node:eas-node system:nodes
  add_identity controllers system:kube-controller-manager ''
  add_identity scheduler system:kube-scheduler ''
  add_identity proxy system:kube-proxy ''
  mkdir -p "$run/cni" "$run/kubelet" "$run/pod-logs"
  write_network
  write_containerd
  write_kubelet
}

# The key that signs tokens of service accounts, and what the API server is known by to metrics-server. Its own
# certificate it makes itself.
make_certificates() {
  local pki=$run/pki
  test -f "$pki/front.crt" && return
  mkdir -p "$pki"
  openssl genrsa -out "$pki/sa.key" 2048 2>/dev/null
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=front-ca \
    -keyout "$pki/front-ca.key" -out "$pki/front-ca.crt" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /CN=front-proxy -keyout "$pki/front.key" -out "$pki/front.csr" 2>/dev/null
  openssl x509 -req -days 3650 -in "$pki/front.csr" -CA "$pki/front-ca.crt" -CAkey "$pki/front-ca.key" \
    -CAcreateserial -out "$pki/front.crt" 2>/dev/null
}

add_identity() {  # add_identity FILE USER GROUPS: a token for the API server, and a kubeconfig that has it
  local token
  token=$(openssl rand -hex 16)
  echo "$token,$2,$2,\"$3\"" >>"$run/tokens.csv"
  cat >"$run/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
current-context: eas
clusters: [{name: eas, cluster: {server: "https://$node_address:6443", certificate-authority: $run/pki/apiserver.crt}}]
users: [{name: eas, user: {token: $token}}]
contexts: [{name: eas, context: {cluster: eas, user: eas, namespace: default}}]
END
  chmod 600 "$run/$1.kubeconfig"
}

# hairpinMode: a pod reaches the address of its own Service.
write_network() {
  cat >"$run/cni/10-eas.conflist" <<END
{"cniVersion": "1.0.0", "name": "eas", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$run/cni-ipam", "ranges": [[{"subnet": "$pods"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE, as in a container, runc may not lower a score, and no pod would start.
# The snapshotters that are left out look for file systems, and complain.
write_containerd() {
  cat >"$run/containerd.toml" <<END
version = 2
root = "$run/containerd"
state = "$run/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "$run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "eas.test/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$run/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
END
}

# failCgroupV1: the kubelet refuses to start with control groups of version 1 otherwise. evictionHard: by default it
# evicts pods when a tenth of the disk is free, which is usual on the machine of a developer.
write_kubelet() {
  cat >"$run/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node_address
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix://$run/containerd.sock
podLogsDir: $run/pod-logs
volumePluginDir: $run/kubelet/plugins-exec
resolvConf: ""
syncFrequency: 10s
nodeStatusUpdateFrequency: 5s
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
registerNode: true
END
}
