#!/usr/bin/env bash
# Deletes the kind cluster and all its data.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need docker kind
if ! kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
  echo "There is no kind cluster \"$CLUSTER\"."
  exit
fi
kind delete cluster --name "$CLUSTER"
