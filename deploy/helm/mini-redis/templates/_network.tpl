{{/* Who may speak to whom. Probes come from the node, and `kubectl port-forward` through it: no policy applies to them. */}}

{{/* Pods of this release: (dict "root" $ "components" (list "collector" "jaeger")) */}}
{{- define "mini-redis.peers" -}}
{{- range .components }}
- podSelector:
    matchLabels: {{- include "mini-redis.selectorLabels" (dict "root" $.root "component" .) | nindent 6 }}
{{- end }}
{{- end }}

{{/* Pods of any release in this namespace that load or test, load runs among them. */}}
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

{{/* The way from a program to the collector, of this release or elsewhere. */}}
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

{{/* The port of host:port or of a URL; what a URL does not say follows from its scheme. */}}
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
