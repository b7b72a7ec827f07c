#!/usr/bin/env bash
# Cross-compiles static binaries into dist/ARCH/:
#   ./deploy/images/dist.sh programs|stand-ins
# ARCHES lists the architectures, separated by spaces; the default is that of this machine.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need go
export CGO_ENABLED=0 GOOS=linux
number="-X $(go list -m)/internal/program.version=$version"

for GOARCH in ${ARCHES:-$(go env GOARCH)}; do
  export GOARCH
  out=$root/dist/$GOARCH
  mkdir -p "$out"
  case ${1:-} in
    programs)
      go build -trimpath -ldflags "-s -w $number" -o "$out/" ./services/{mini-redis,client-load,mini-redis-cli,stack-check}
      # The flags are those of the local stack, so that both share the build cache. The same holds
      # for the stand-ins.
      go build -C otel-collector/distribution -ldflags "-s -w" -o "$out/mini-redis-collector" .
      ;;
    stand-ins)
      go build -C services/stack/backends/jaeger -ldflags "-s -w" -o "$out/jaeger" github.com/jaegertracing/jaeger/cmd/jaeger
      go build -C services/stack/backends/prometheus -tags remove_all_sd -ldflags "-s -w" -o "$out/prometheus" github.com/prometheus/prometheus/cmd/prometheus
      ;;
    *) die "usage: dist.sh programs|stand-ins" ;;
  esac
done
