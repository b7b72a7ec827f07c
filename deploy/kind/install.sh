#!/usr/bin/env bash
# Installs or upgrades the stack and waits up to 5 minutes until it is ready. The arguments are
# passed to helm. The image IDs are pod annotations, so that an image that was rebuilt under the
# same tag restarts its pods.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need helm docker
need_cluster

pins=()
pin() { # COMPONENT IMAGE
  local id
  id=$(docker image inspect --format '{{.Id}}' "$2" 2>/dev/null) || return 0
  pins+=(--set-string "$1.podAnnotations.mini-redis/image-id=${id#sha256:}")
}
pin server "mini-redis:$version"
pin load "client-load:$version"
pin collector "mini-redis-collector:$version"
pin jaeger "$(third_party jaeger)"
pin prometheus "$(third_party prometheus)"

helm_ upgrade --install "$RELEASE" "$stack" --wait --timeout 5m "${pins[@]}" "$@"
