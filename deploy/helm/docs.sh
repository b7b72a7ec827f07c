#!/usr/bin/env bash
# Checks that the charts' READMEs are up to date with helm-docs:
#   ./deploy/helm/docs.sh HELM_DOCS_PACKAGE
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need go
charts=$(mktemp -d)
trap 'rm -rf "$charts"' EXIT
cp -r deploy/helm/mini-redis deploy/helm/client-load "$charts/"
go run "${1:?the package of helm-docs is missing}" --chart-search-root "$charts" --log-level warning
for chart in mini-redis client-load; do
  diff "$charts/$chart/README.md" "deploy/helm/$chart/README.md" || die "deploy/helm/$chart/README.md is out of date with values.yaml or README.md.gotmpl; run task chart-generate"
done
