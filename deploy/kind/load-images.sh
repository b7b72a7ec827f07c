#!/usr/bin/env bash
# Loads the images into the cluster's nodes. Images that a node already has are skipped. The nodes
# pull Jaeger and Prometheus from their registry. If it cannot be reached, stand-ins are built and
# loaded.
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
    echo "$image: the nodes pull it from its registry"
  else
    echo "$image: the registry cannot be reached; building a stand-in from its Go module (without the web UI; the first build takes minutes)"
    ./deploy/images/dist.sh stand-ins
    ./deploy/images/build.sh stand-ins
    images+=("$image")
  fi
done
kind load docker-image --name "$CLUSTER" "${images[@]}"
