#!/usr/bin/env bash
# Creates the kind cluster if it does not exist, and applies the namespace.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need docker kind kubectl
if ! kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
  kind create cluster --name "$CLUSTER" --config deploy/kind/cluster.yaml --wait 3m ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"}
fi
sed "s/name: mini-redis/name: $NAMESPACE/" deploy/kind/namespace.yaml | kubectl --context "$KUBE_CONTEXT" apply -f -
