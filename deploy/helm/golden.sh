#!/usr/bin/env bash
# Renders each chart with each values file of ci/ and compares the result with tests/golden/:
#   ./deploy/helm/golden.sh write|check
# A deprecated values file must render the golden file of its replacement, which its first line
# names.
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
    replacement=$(sed -nE '1s/^# Deprecated: use (.*)-values\.yaml\..*/\1/p' "$values")
    golden=$chart/tests/golden/${replacement:-$name}.yaml
    release=$([ "$chart" = "$stack" ] && echo mini-redis || echo run1)
    rendered=$(helm template "$release" "$chart" --namespace mini-redis --values "$values")
    if [ "$1" = write ]; then
      [ -z "$replacement" ] || continue
      mkdir -p "$(dirname "$golden")"
      printf '%s\n' "$rendered" >"$golden"
    else
      printf '%s\n' "$rendered" | diff -u "$golden" - || { echo "$chart with $values renders differently (diff above)"; different=1; }
    fi
  done
done
[ $different = 0 ] || die "If the change is intended, run task chart-generate and review the difference"
