#!/usr/bin/env bash
# kubectl for a program that can be told of a kubectl, but not of a context.
exec kubectl --context "${KUBE_CONTEXT:?}" "$@"
