#!/usr/bin/env bash
# Writes or checks the chart's copies of the collector's configuration:
#   ./deploy/helm/copies.sh write|check
# A Helm chart cannot read files outside its own directory.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
copies=$stack/files/collector
case ${1:-} in
  write)
    rm -rf "$copies"
    mkdir -p "$copies"
    cp otel-collector/base.yaml otel-collector/overlays/*.yaml "$copies/"
    ;;
  check)
    sources=$(mktemp -d)
    trap 'rm -rf "$sources"' EXIT
    cp otel-collector/base.yaml otel-collector/overlays/*.yaml "$sources/"
    diff -r "$sources" "$copies" || die "$copies differs from otel-collector/; run task chart-generate"
    ;;
  *) die "usage: copies.sh write|check" ;;
esac
