#!/usr/bin/env bash
# Builds images from dist/ARCH/ for the architecture of this machine:
#   ./deploy/images/build.sh programs|stand-ins
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
  # The build context holds only the files that this Dockerfile copies from dist/ARCH, because the
  # classic builder sends the whole context.
  context=$(mktemp -d)
  mkdir "$context/$arch"
  sed -n 's/^COPY \(.*\) [^ ]*$/\1/p' "$file" | tr ' ' '\n' | sed 's/.*}\///' | while read -r binary; do
    ln "dist/$arch/$binary" "$context/$arch/" 2>/dev/null || cp "dist/$arch/$binary" "$context/$arch/"
  done
  # The classic builder prints a deprecation notice on every run, so the output is shown only after
  # a failure.
  docker build --quiet --build-arg "TARGETARCH=$arch" "${labels[@]}" --tag "$tag" --file "$file" "$context" >"$context/log" 2>&1 ||
    die "$(cat "$context/log")"
  rm -rf "$context"
  echo "image $tag"
}

# has_roots BINARY: exits if the binary has no compiled-in CA roots. The images are FROM scratch and
# have no certificate files.
has_roots() {
  go version -m "$1" | grep -q 'golang.org/x/crypto/x509roots/fallback' || die "$1 has no compiled-in certificate authorities"
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
