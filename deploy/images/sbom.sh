#!/usr/bin/env bash
# Writes a software bill of materials (CycloneDX JSON) of each binary in dist/ARCH/ to dist/sbom/: what Go wrote into it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need go
syft=github.com/anchore/syft/cmd/syft@v1.57.0
mkdir -p dist/sbom
for binary in dist/*/{mini-redis,client-load,mini-redis-cli,stack-check,mini-redis-collector}; do
  [ -e "$binary" ] || continue
  arch=$(basename "$(dirname "$binary")")
  sbom=dist/sbom/$(basename "$binary")-$version-linux-$arch.cdx.json
  SYFT_CHECK_FOR_APP_UPDATE=false go run "$syft" scan --quiet "file:$binary" --source-name "$(basename "$binary")" --source-version "$version" --output "cyclonedx-json=$sbom"
  echo "$sbom"
done
