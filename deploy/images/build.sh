#!/usr/bin/env bash
# Builds images from dist/ for this machine's architecture: ./deploy/images/build.sh programs|stand-ins
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need docker go
arch=$(go env GOARCH)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

# build DOCKERFILE TAG LABEL...
build() {
  local file=deploy/images/$1.Dockerfile tag=$2 context label labels=()
  shift 2
  for label; do labels+=(--label "org.opencontainers.image.$label"); done
  # The Dockerfiles copy from dist/ARCH. Only what this one copies is sent, since not every builder knows to leave out the rest.
  context=$(mktemp -d)
  mkdir "$context/$arch"
  sed -n 's/^COPY \(.*\) [^ ]*$/\1/p' "$file" | tr ' ' '\n' | sed 's/.*}\///' | while read -r binary; do
    ln "dist/$arch/$binary" "$context/$arch/" 2>/dev/null || cp "dist/$arch/$binary" "$context/$arch/"
  done
  # An old builder says at length that it is one; what a failed one says matters.
  docker build --quiet --build-arg "TARGETARCH=$arch" "${labels[@]}" --tag "$tag" --file "$file" "$context" >"$context/log" 2>&1 ||
    die "$(cat "$context/log")"
  rm -rf "$context"
  echo "image $tag"
}

# An image of a program alone has no certificates but those in the program.
has_roots() {
  go version -m "$1" | grep -q 'golang.org/x/crypto/x509roots/fallback' || die "$1 has no certificate authorities compiled in"
}

case ${1:-} in
  programs)
    for binary in "${binaries[@]}"; do has_roots "dist/$arch/$binary"; done
    for name in "${programs[@]}"; do
      build "$name" "$name:$version" "version=$version" "revision=$revision"
    done
    ;;
  stand-ins)
    for name in jaeger prometheus; do
      build "$name" "$(third_party "$name")" "revision=$revision"
    done
    ;;
  *) die "usage: build.sh programs|stand-ins" ;;
esac
