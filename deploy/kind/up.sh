#!/usr/bin/env bash
# Creates the cluster, builds and loads the images, installs the chart, and checks one call's trace
# in Jaeger. Work that is already done is not repeated.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need go docker kind kubectl helm
began=$(date +%s)
step() { # NAME COMMAND...
  local from=$SECONDS name=$1
  shift
  echo "== $name"
  "$@"
  echo "== $name: $((SECONDS - from)) s"
}

step "cluster" ./deploy/kind/cluster.sh
step "binaries" ./deploy/images/dist.sh programs
step "images" ./deploy/images/build.sh programs
step "images into the cluster" ./deploy/kind/load-images.sh
loaded=$(date +%s)
step "chart" ./deploy/kind/install.sh

echo "== one call, checked in Jaeger and Prometheus"
report=$(helm_ test "$RELEASE" --logs)
printf '%s\n' "$report"
found=$(printf '%s\n' "$report" | sed -n 's/.*jaeger .*unix time \([0-9]*\).*/\1/p')
[ -n "$found" ] || die "helm test did not print when the trace was in Jaeger"

cat <<END

The first trace was in Jaeger $((found - began)) s after the start, $((found - loaded)) s after the images were loaded.

  task jaeger       http://127.0.0.1:16686   (kubectl --context $KUBE_CONTEXT -n $NAMESPACE port-forward service/$RELEASE-jaeger 16686)
  task prometheus   http://127.0.0.1:9090    (kubectl --context $KUBE_CONTEXT -n $NAMESPACE port-forward service/$RELEASE-prometheus 9090)
  task console-pods the server's connections, locks and waits; q quits
  task load -- --set rate=100 --set duration=30s
  task kind-down
END
