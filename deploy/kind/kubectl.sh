#!/usr/bin/env bash
# kubectl with KUBE_CONTEXT, for programs that accept a kubectl path but no context.
exec kubectl --context "${KUBE_CONTEXT:?}" "$@"
