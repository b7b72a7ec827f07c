#!/usr/bin/env bash
# Builds the project's images for ARCHES with docker buildx and pushes them:
#   IMAGE_PREFIX=registry.example.com/team ./deploy/images/push.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need docker go
docker buildx version >/dev/null 2>&1 || die "docker buildx is missing: https://docs.docker.com/build/install-buildx/"
prefix=${IMAGE_PREFIX:?IMAGE_PREFIX is not set, for example IMAGE_PREFIX=registry.example.com/team}
platforms=$(for arch in ${ARCHES:-$(go env GOARCH)}; do printf 'linux/%s,' "$arch"; done)
for name in "${programs[@]}"; do
  docker buildx build --platform "${platforms%,}" --push --tag "$prefix/$name:$version" --file "deploy/images/$name.Dockerfile" \
    --label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$(git rev-parse HEAD)" dist
done
echo "Use them in the chart with --set global.imageRegistry=$prefix (this also applies to the third-party images, so mirror those) or with each image.registry"
