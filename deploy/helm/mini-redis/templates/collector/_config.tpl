{{/* The collector's configuration files by name, in the order in which they are merged. base.yaml and the overlays are
     copies of otel-collector/, which `task chart-generate` makes; what the values say comes after them. */}}

{{- define "mini-redis.collectorConfig" -}}
{{- $v := .Values.collector }}
{{- $files := dict "10-base.yaml" (.Files.Get "files/collector/base.yaml") }}
{{- if $v.persistence.enabled }}
{{- $_ := set $files "20-durable.yaml" (.Files.Get "files/collector/durable.yaml") }}
{{- end }}
{{- with $v.overlay }}
{{- $_ := set $files (printf "30-%s.yaml" .) ($.Files.Get (printf "files/collector/%s.yaml" .)) }}
{{- end }}
{{- with include "mini-redis.collectorValues" . | fromYaml }}
{{- $_ := set $files "40-values.yaml" (toYaml .) }}
{{- end }}
{{- with $v.config }}
{{- $_ := set $files "50-own.yaml" (toYaml .) }}
{{- end }}
{{- toYaml $files }}
{{- end }}

{{/* What the values change in it, beyond what the environment can say. */}}
{{- define "mini-redis.collectorValues" -}}
{{- $exporters := dict }}
{{- $service := dict }}
{{- if .Values.collector.exporters.traces.tls }}
{{- $_ := set $exporters "otlp_grpc/jaeger" (dict "tls" (dict "insecure" false)) }}
{{- end }}
{{- if and (not .Values.prometheus.enabled) (not .Values.collector.exporters.metrics.endpoint) }}
{{- /* Nobody is pushed to, so the span metrics have no taker. */}}
{{- $_ := set $exporters "nop" dict }}
{{- $_ := set $service "pipelines" (dict "metrics" (dict "exporters" (list "nop"))) }}
{{- end }}
{{- $all := dict }}
{{- with $exporters }}{{- $_ := set $all "exporters" . }}{{- end }}
{{- with $service }}{{- $_ := set $all "service" . }}{{- end }}
{{- toYaml $all }}
{{- end }}
