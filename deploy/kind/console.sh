#!/usr/bin/env bash
# Runs the console against every server pod, through kubectl port-forward:
#   ./deploy/kind/console.sh [export | record] [FLAG...]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need go
need_cluster
command=()
case ${1:-} in
  export | record)
    command=("$1")
    shift
    ;;
esac
# kubectl.sh adds --context, so that the console uses this cluster only.
go run ./services/console "${command[@]}" -kubectl ./deploy/kind/kubectl.sh -namespace "$NAMESPACE" \
  -pods "app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/component=server" "$@"
