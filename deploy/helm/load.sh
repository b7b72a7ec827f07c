#!/usr/bin/env bash
# Makes a load run on the cluster, as one Helm release:
#   ./deploy/helm/load.sh [RUN] [--set rate=200 ...]
# Prints its progress. Exit codes: 0 the run passed, 2 a threshold was violated, 1 the run could not
# be made. The release remains, with its logs; `helm uninstall RUN` deletes it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
source "$(dirname "$0")/../lib.sh"
need helm
need_cluster

run=load-$(date +%m%d-%H%M%S)
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  run=$1
  shift
fi
helm_ install "$run" deploy/helm/client-load --set "target=$RELEASE:6379,telemetry.endpoint=http://$RELEASE-collector:4317" "$@" >/dev/null
selector=app.kubernetes.io/instance=$run
job=$(kube get job --selector "$selector" --output name)
pods=$(kube get "$job" --output 'jsonpath={.spec.parallelism}')
echo "run $run: $job, $pods pod(s)"

finished() { kube get "$job" --output 'jsonpath={.status.conditions[?(@.status=="True")].type}' | tr ' ' '\n' | grep -E '^(Complete|Failed)$'; }

# kubectl can follow logs once the containers run. If they never run, the Job ends at its deadline.
until [ "$(kube get pods --selector "$selector" --output 'jsonpath={.items[*].status.phase}' | tr ' ' '\n' | grep -cE 'Running|Succeeded|Failed')" -ge "$pods" ] ||
  finished >/dev/null; do
  sleep 1
done
prefix=()
[ "$pods" -gt 1 ] && prefix=(--prefix)
running() { kube get pods --selector "$selector" --field-selector status.phase=Running --output name; }
seen=$(running)
kube logs --follow --selector "$selector" --tail=-1 --max-log-requests "$((pods + 1))" "${prefix[@]}" || true

until status=$(finished); do
  # If a pod is evicted, the Job replaces it with another pod, which starts the run again.
  for pod in $(running); do
    case $seen in *"$pod"*) continue ;; esac
    seen+=" $pod"
    echo "run $run: $pod replaces an evicted pod"
    kube logs --follow "${prefix[@]}" "$pod" || true
  done
  sleep 0.5
done
echo "run $run: service client-load, tag load.run.id=$run in Jaeger; {load_run_id=\"$run\"} in Prometheus, unless runId is set"
hint="(the release remains, with its logs; delete it with: helm --kube-context $KUBE_CONTEXT -n $NAMESPACE uninstall $run)"
if [ "$status" = Complete ]; then
  echo "run $run: passed $hint"
  exit 0
fi
codes=$(kube get pods --selector "$selector" --output 'jsonpath={.items[*].status.containerStatuses[*].state.terminated.exitCode}')
echo "run $run: failed (exit codes of its pods: ${codes:-none}; failed indexes: $(kube get "$job" --output 'jsonpath={.status.failedIndexes}')) $hint"
kube get "$job" --output 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}: {.message}{"\n"}{end}'
case " $codes " in
  *" 1 "* | "  ") exit 1 ;;
  *) exit 2 ;;
esac
