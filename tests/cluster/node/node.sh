# shellcheck shell=bash disable=SC2154  # `up` sources it, and sets the variables
# What runs in the node's namespaces, as their first process. Each program waits for those that it needs by itself, but
# for the API server, without which the controllers end.

run_node() {
  prepare_namespaces
  cd "$run" || exit
  run_etcd
  run_program containerd containerd --config "$run/containerd.toml"
  run_api_server
  wait_for 90 kubectl --kubeconfig "$run/admin.kubeconfig" get --raw /readyz
  run_controllers
  # shellcheck disable=SC2046  # several words
  run_program scheduler kube-scheduler $(identity scheduler) --leader-elect=false
  wait_for 30 ctr -a "$run/containerd.sock" version
  ctr -a "$run/containerd.sock" -n k8s.io images import "$run/pause.tar" >/dev/null
  run_kubelet
  run_proxy
  test ! -x "$bin/metrics-server" || run_metrics_server
  while :; do sleep 3600 & wait $! || true; done  # the first process reaps what others leave
}

# A route by default: without one the node could not reach the addresses of Services, which no interface has.
prepare_namespaces() {
  local folder
  mount --make-rshared /
  for folder in "${private_folders[@]}"; do mount -t tmpfs -o mode=755 eas "$folder"; done
  hostname eas-node
  echo 1 >/proc/sys/net/ipv4/ip_forward
  ip link set lo up
  ip link add node0 type bridge
  ip addr add "$node_address/24" dev node0
  ip link set node0 up
  ip route add default dev node0
}

run_program() {  # run_program LOG CMD...
  local name=$1
  shift
  "$@" >"$log/$name.log" 2>&1 &
}

identity() {  # identity NAME: the options by which a controller asks, and lets itself be asked
  echo "--kubeconfig=$run/$1.kubeconfig --authentication-kubeconfig=$run/$1.kubeconfig" \
    "--authorization-kubeconfig=$run/$1.kubeconfig"
}

# Nothing here outlives the machine, so nothing waits for a disk.
run_etcd() {
  run_program etcd etcd --data-dir "$run/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
}

# The options requestheader and proxy-client are for metrics-server, to which this server passes requests on.
run_api_server() {
  run_program apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 \
    --advertise-address "$node_address" --bind-address "$node_address" --cert-dir "$run/pki" \
    --service-cluster-ip-range "$services" --allow-privileged --token-auth-file "$run/tokens.csv" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$run/pki/sa.key" \
    --service-account-signing-key-file "$run/pki/sa.key" --kubelet-preferred-address-types InternalIP \
    --requestheader-client-ca-file "$run/pki/front-ca.crt" --requestheader-allowed-names front-proxy \
    --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
    --requestheader-extra-headers-prefix X-Remote-Extra- \
    --proxy-client-cert-file "$run/pki/front.crt" --proxy-client-key-file "$run/pki/front.key"
}

# The autoscaler's periods are minutes by default, longer than a test.
run_controllers() {
  # shellcheck disable=SC2046  # several words
  run_program controllers kube-controller-manager $(identity controllers) --use-service-account-credentials \
    --leader-elect=false --service-account-private-key-file "$run/pki/sa.key" --root-ca-file "$run/pki/apiserver.crt" \
    --horizontal-pod-autoscaler-sync-period 5s --horizontal-pod-autoscaler-initial-readiness-delay 5s \
    --horizontal-pod-autoscaler-cpu-initialization-period 20s \
    --horizontal-pod-autoscaler-downscale-stabilization 30s
}

run_kubelet() {
  run_program kubelet kubelet --config "$run/kubelet.yaml" --kubeconfig "$run/kubelet.kubeconfig" \
    --root-dir "$run/kubelet" --hostname-override eas-node --node-ip "$node_address"
}

# The limits of connection tracking are of the whole machine, and stay as they are.
run_proxy() {
  run_program proxy kube-proxy --kubeconfig "$run/proxy.kubeconfig" --proxy-mode nftables --cluster-cidr "$pods" \
    --hostname-override eas-node --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0s \
    --conntrack-tcp-timeout-close-wait 0s
}

# It asks kubelets for less time than lies between two rounds, or a slow one would spoil the next round.
run_metrics_server() {
  # shellcheck disable=SC2046  # several words
  run_program metrics-server metrics-server $(identity admin) --cert-dir "$run/metrics-server" --secure-port 4443 \
    --kubelet-insecure-tls --kubelet-preferred-address-types InternalIP --metric-resolution 10s \
    --kubelet-request-timeout 5s
  sed "s/NODE_ADDRESS/$node_address/" "$here/metrics-server.yaml" |
    kubectl --kubeconfig "$run/admin.kubeconfig" apply -f - >/dev/null
}
