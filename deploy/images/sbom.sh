#!/usr/bin/env bash
# Writes a software bill of materials (CycloneDX JSON) of each binary in dist/ARCH/ to dist/sbom/,
# including the stand-ins if they have been built. It lists the modules in the binary's build
# information with versions, checksums and licences. A test then compares each document with its
# binary.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need go
tool=$(mktemp)
trap 'rm -f "$tool"' EXIT
go build -C deploy/tools -o "$tool" github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
rm -rf dist/sbom
mkdir -p dist/sbom
for binary in "${binaries[@]}" "${stand_ins[@]}"; do
  number=$version
  case " ${stand_ins[*]} " in *" $binary "*) number=$(third_party "$binary" | sed 's/.*://') ;; esac
  for file in dist/*/"$binary"; do
    [ -e "$file" ] || continue
    arch=$(basename "$(dirname "$file")")
    "$tool" bin -json -std -licenses -assert-licenses -version "$number" -output "dist/sbom/$binary-$number-linux-$arch.cdx.json" "$file" 2>/dev/null ||
      die "cannot create the bill of materials of $file"
    echo "dist/sbom/$binary-$number-linux-$arch.cdx.json"
  done
done
MINI_REDIS_DIST=$root/dist go test -count=1 ./deploy/images
