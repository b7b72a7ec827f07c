#!/usr/bin/env bash
# Runs helm with the context and the namespace of the tasks:
#   ./deploy/kind/helm.sh test mini-redis --logs
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need helm
need_cluster
helm_ "$@"
