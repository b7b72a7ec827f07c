#!/usr/bin/env bash
# Renders each chart with each of its ci/ values and compares with what was reviewed: ./deploy/helm/golden.sh write|check
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need helm
case ${1:-} in write | check) ;; *) die "usage: golden.sh write|check" ;; esac

different=0
for chart in deploy/helm/*/Chart.yaml; do
  chart=$(dirname "$chart")
  for values in "$chart"/ci/*-values.yaml; do
    name=$(basename "$values" -values.yaml)
    golden=$chart/tests/golden/$name.yaml
    release=$([ "$chart" = "$stack" ] && echo mini-redis || echo run1)
    rendered=$(helm template "$release" "$chart" --namespace mini-redis --values "$values")
    if [ "$1" = write ]; then
      mkdir -p "$(dirname "$golden")"
      printf '%s\n' "$rendered" >"$golden"
    else
      printf '%s\n' "$rendered" | diff -u "$golden" - || { echo "$chart with $values renders otherwise (above)"; different=1; }
    fi
  done
done
[ $different = 0 ] || die "If that is meant: task chart-generate, and review the difference"
