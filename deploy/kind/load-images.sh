#!/usr/bin/env bash
# Puts the images into the cluster's nodes; those that are there already are passed over.
# Jaeger and Prometheus come from their registry; where it cannot be reached, stand-ins are built and loaded.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need docker kind

images=()
for name in "${programs[@]}"; do images+=("$name:$version"); done

for component in jaeger prometheus; do
  image=$(third_party "$component")
  if docker image inspect "$image" >/dev/null 2>&1; then
    images+=("$image")
  elif docker manifest inspect "$image" >/dev/null 2>&1; then
    echo "$image: the nodes fetch it from its registry"
  else
    echo "$image: its registry cannot be reached, so a stand-in is built from its Go module (without the web UI; minutes, the first time)"
    ./deploy/images/dist.sh stand-ins
    ./deploy/images/build.sh stand-ins
    images+=("$image")
  fi
done
kind load docker-image --name "$CLUSTER" "${images[@]}"
