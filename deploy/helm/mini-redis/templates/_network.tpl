{{/* Parts of network policies. Probes and `kubectl port-forward` come from the node, to which network policies do not apply. */}}

{{/* Pods of components of this release. (dict "root" $ "components" (list "collector" "jaeger")) */}}
{{- define "mini-redis.peers" -}}
{{- range .components }}
- podSelector:
    matchLabels: {{- include "mini-redis.selectorLabels" (dict "root" $.root "component" .) | nindent 6 }}
{{- end }}
{{- end }}

{{/* Load and test pods of any release in this namespace, including load runs. */}}
{{- define "mini-redis.loadPeer" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/part-of: mini-redis
    matchExpressions:
      - { key: app.kubernetes.io/component, operator: In, values: [load, test] }
{{- end }}

{{- define "mini-redis.dnsEgress" -}}
- to: {{- toYaml .Values.networkPolicy.dns | nindent 4 }}
  ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- end }}

{{/* Egress from a program to the collector of this release or to telemetry.endpoint. */}}
{{- define "mini-redis.telemetryEgress" -}}
{{- if .Values.collector.enabled }}
- to: {{- include "mini-redis.peers" (dict "root" . "components" (list "collector")) | nindent 4 }}
  ports:
    - { port: 4317 }
{{- else if .Values.telemetry.endpoint }}
- ports:
    - { port: {{ include "mini-redis.portOf" .Values.telemetry.endpoint }} }
{{- end }}
{{- end }}

{{/* The port of host:port or of a URL. A URL without a port has the default port of its scheme. */}}
{{- define "mini-redis.portOf" -}}
{{- $authority := regexReplaceAll "^[a-z0-9+.-]+://" . "" | regexFind "^[^/]*" }}
{{- $port := regexFind ":[0-9]+$" $authority | trimPrefix ":" }}
{{- if $port }}{{ $port }}
{{- else if hasPrefix "https://" . }}443
{{- else if hasPrefix "http://" . }}80
{{- else if hasPrefix "redis" . }}6379
{{- else }}4317
{{- end }}
{{- end }}
