#!/usr/bin/env bash
# Forwards a port of this machine to a Service of the stack until Ctrl-C:
#   ./deploy/kind/forward.sh jaeger 16686
# PORT is the local port; the default is the port of the Service.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need_cluster
component=$1 port=${PORT:-$2}
if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  die "Port $port of this machine is in use (is the local stack running?). Use another port: PORT=$((port + 1)) task $component"
fi
echo "$component is at http://127.0.0.1:$port until Ctrl-C"
kube port-forward --address 127.0.0.1 "service/$RELEASE-$component" "$port:$2" >/dev/null
