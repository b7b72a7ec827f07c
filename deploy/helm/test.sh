#!/usr/bin/env bash
# Lints both charts, runs their unit tests and checks that wrong values are rejected.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need go helm
unittest=$(mktemp)
trap 'rm -f "$unittest"' EXIT
go build -C deploy/tools -o "$unittest" github.com/helm-unittest/helm-unittest/cmd/helm-unittest

for chart in deploy/helm/mini-redis deploy/helm/client-load; do
  helm lint --strict --quiet "$chart"
  for values in "$chart"/ci/*-values.yaml; do helm lint --strict --quiet "$chart" --values "$values"; done
  "$unittest" --strict "$chart"
  # Each line of refused.txt: helm arguments, " => ", a part of the error message.
  while IFS= read -r line; do
    case $line in '' | '#'*) continue ;; esac
    read -ra arguments <<<"${line%% => *}"
    expected=${line##* => }
    if answer=$(helm template x "$chart" "${arguments[@]}" 2>&1); then
      die "$chart accepts ${arguments[*]}; expected the error: $expected"
    fi
    [[ $answer == *"$expected"* ]] || die "$chart ${arguments[*]}: expected \"$expected\" in: $answer"
  done <"$chart/tests/refused.txt"
  echo "$chart: $(grep -cE ' => ' "$chart/tests/refused.txt") wrong values are rejected with the expected message"
done
