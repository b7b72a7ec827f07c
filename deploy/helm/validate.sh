#!/usr/bin/env bash
# Validates the collector configurations that the chart renders, with the project's collector: those
# of the values files of ci/ and those of the values below, which the documentation gives for other
# backends. Configurations that need the contrib distribution are validated with the binary at
# CONTRIB_COLLECTOR, and skipped with a message if that is not set.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need helm go
collector=$root/dist/$(go env GOARCH)/mini-redis-collector
[ -x "$collector" ] || die "$collector is missing: task dist"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Environment variables that the pod would have. The directory of a persistent queue must exist.
export COLLECTOR_DATA=$work TOKEN=none AWS_REGION=eu-central-1

# validate NAME HELM-ARGUMENT...
validate() {
  local name=$1 rendered file binary=$collector configs=()
  shift
  rendered=$(helm template mini-redis "$stack" --show-only templates/collector/configmap.yaml "$@")
  rm -f "$work"/*.yaml
  printf '%s\n' "$rendered" | awk -v dir="$work" '
    /^  [^ ]+\.yaml: \|-$/ {file = dir "/" substr($1, 1, length($1) - 1); next}
    /^    / && file {print substr($0, 5) > file}'
  for file in "$work"/*.yaml; do configs+=(--config "$file"); done
  if grep -qE '^  (service_graph|awsxray|load_balancing):' "$work"/*.yaml; then
    binary=${CONTRIB_COLLECTOR:-}
    [ -n "$binary" ] || { echo "$name: skipped: it uses components of the contrib distribution and CONTRIB_COLLECTOR is not set"; return; }
  fi
  "$binary" validate "${configs[@]}" || die "$name: the collector rejects the configuration"
  echo "$name: valid"
}

for values in "$stack"/ci/*-values.yaml; do validate "$(basename "$values")" --values "$values"; done
for overlay in debug tail-sampling; do
  validate "$overlay" --set "collector.overlay=$overlay"
  validate "$overlay with a queue on a volume" --set "collector.overlay=$overlay,collector.persistence.enabled=true"
done
for overlay in service-graph xray; do validate "$overlay" --set "collector.contrib.enabled=true,collector.overlay=$overlay.contrib"; done
validate "contrib image, same configuration" --set collector.contrib.enabled=true
validate "Jaeger elsewhere by TLS" --set jaeger.enabled=false,collector.exporters.traces.endpoint=jaeger.lab:4317,collector.exporters.traces.tls=true
validate "Prometheus elsewhere" --set prometheus.enabled=false,collector.exporters.metrics.endpoint=https://mimir.lab/otlp/v1/metrics
