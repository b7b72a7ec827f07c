#!/usr/bin/env bash
# The chart's copies of the collector's configuration, which a chart cannot read from outside of itself:
# ./deploy/helm/copies.sh write|check
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
    diff -r "$sources" "$copies" || die "$copies is not what otel-collector/ says: task chart-generate"
    ;;
  *) die "usage: copies.sh write|check" ;;
esac
