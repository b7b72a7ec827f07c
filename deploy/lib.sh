# Shared by the scripts of deploy/, which source it.
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

export CLUSTER=${CLUSTER:-mini-redis} NAMESPACE=${NAMESPACE:-mini-redis} RELEASE=${RELEASE:-mini-redis}
export KUBE_CONTEXT=${KUBE_CONTEXT:-kind-$CLUSTER}

stack=deploy/helm/mini-redis
# shellcheck disable=SC2034 # used by the scripts that source this file
{
  programs=(mini-redis client-load mini-redis-cli mini-redis-collector) # the project's images
  binaries=("${programs[@]}" stack-check)                               # the binaries in these images
  stand_ins=(jaeger prometheus)
  version=$(sed -n 's/^appVersion: *//p' "$stack/Chart.yaml")
}

kube() { kubectl --context "$KUBE_CONTEXT" --namespace "$NAMESPACE" "$@"; }
helm_() { helm --kube-context "$KUBE_CONTEXT" --namespace "$NAMESPACE" "$@"; }

die() { printf '%s\n' "$*" >&2; exit 1; }

# need TOOL...: exits with code 1 and install instructions if a tool is missing.
need() {
  local tool missing=()
  for tool; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    case " $* " in
      *" docker "*) docker info >/dev/null 2>&1 || die "docker is installed, but its engine does not answer: docker info prints the reason" ;;
    esac
    return
  fi
  for tool in "${missing[@]}"; do
    case $tool in
      kind) echo "kind is missing: go install sigs.k8s.io/kind@v0.33.0" ;;
      helm) echo "helm is missing: go install helm.sh/helm/v4/cmd/helm@v4.3.1, or https://helm.sh/docs/intro/install/" ;;
      kubectl) echo "kubectl is missing: https://kubernetes.io/docs/tasks/tools/" ;;
      docker) echo "docker is missing: https://docs.docker.com/engine/install/" ;;
      go) echo "go is missing: https://go.dev/doc/install" ;;
      *) echo "$tool is missing" ;;
    esac
  done >&2
  exit 1
}

# need_cluster: exits with code 1 if kubectl has no context for the cluster.
need_cluster() {
  need kubectl
  kubectl config get-contexts "$KUBE_CONTEXT" >/dev/null 2>&1 ||
    die "kubectl has no context $KUBE_CONTEXT: create the cluster with task kind-up, or set KUBE_CONTEXT"
}

# third_party COMPONENT: prints the image of jaeger or prometheus from the chart's values.
third_party() {
  awk -v part="$1:" '
    /^[a-z]/ {inside = ($1 == part)}
    inside && $1 == "registry:" && !r {r = $2}
    inside && $1 == "repository:" && !n {n = $2}
    inside && $1 == "tag:" && !t {t = $2}
    END {print r "/" n ":" t}' "$stack/values.yaml"
}
