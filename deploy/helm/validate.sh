#!/usr/bin/env bash
# Has the project's collector judge each configuration that the chart renders, of ci/ and of the values below, which the pages
# about other backends name. What needs the contrib distribution is judged by the one that CONTRIB_COLLECTOR names (a path), and
# passed over with a word where there is none.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need helm go
collector=$root/dist/$(go env GOARCH)/mini-redis-collector
[ -x "$collector" ] || die "$collector is missing: task dist"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What the pod's environment would say; a queue's folder must exist.
export COLLECTOR_DATA=$work TOKEN=none AWS_REGION=eu-central-1

# judge NAME HELM-ARGUMENT...
judge() {
  local name=$1 rendered file by=$collector configs=()
  shift
  rendered=$(helm template mini-redis "$stack" --show-only templates/collector/configmap.yaml "$@")
  rm -f "$work"/*.yaml
  printf '%s\n' "$rendered" | awk -v dir="$work" '
    /^  [^ ]+\.yaml: \|-$/ {file = dir "/" substr($1, 1, length($1) - 1); next}
    /^    / && file {print substr($0, 5) > file}'
  for file in "$work"/*.yaml; do configs+=(--config "$file"); done
  if grep -qE '^  (service_graph|awsxray|load_balancing):' "$work"/*.yaml; then
    by=${CONTRIB_COLLECTOR:-}
    [ -n "$by" ] || { echo "$name: uses components of the contrib distribution, not judged without CONTRIB_COLLECTOR"; return; }
  fi
  "$by" validate "${configs[@]}" || die "$name: the collector refuses it"
  echo "$name: valid"
}

for values in "$stack"/ci/*-values.yaml; do judge "$(basename "$values")" --values "$values"; done
for overlay in debug tail-sampling; do
  judge "$overlay" --set "collector.overlay=$overlay"
  judge "$overlay with a queue on a volume" --set "collector.overlay=$overlay,collector.persistence.enabled=true"
done
for overlay in service-graph xray; do judge "$overlay" --set "collector.contrib.enabled=true,collector.overlay=$overlay.contrib"; done
judge "contrib image, same configuration" --set collector.contrib.enabled=true
judge "Jaeger elsewhere by TLS" --set jaeger.enabled=false,collector.exporters.traces.endpoint=jaeger.lab:4317,collector.exporters.traces.tls=true
judge "Prometheus elsewhere" --set prometheus.enabled=false,collector.exporters.metrics.endpoint=https://mimir.lab/otlp/v1/metrics
