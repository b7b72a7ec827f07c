{{/* The collector's configuration files by name, in the order in which the collector merges them: base.yaml and the overlays,
     which are copies of otel-collector/ made by `task chart-generate`, then the files that are derived from the values. */}}

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

{{/* Configuration derived from values that environment variables of base.yaml cannot express. */}}
{{- define "mini-redis.collectorValues" -}}
{{- $exporters := dict }}
{{- $service := dict }}
{{- if .Values.collector.exporters.traces.tls }}
{{- $_ := set $exporters "otlp_grpc/jaeger" (dict "tls" (dict "insecure" false)) }}
{{- end }}
{{- if and (not .Values.prometheus.enabled) (not .Values.collector.exporters.metrics.endpoint) }}
{{- /* There is no metrics backend, so the span metrics go to the nop exporter. */}}
{{- $_ := set $exporters "nop" dict }}
{{- $_ := set $service "pipelines" (dict "metrics" (dict "exporters" (list "nop"))) }}
{{- end }}
{{- $all := dict }}
{{- with $exporters }}{{- $_ := set $all "exporters" . }}{{- end }}
{{- with $service }}{{- $_ := set $all "service" . }}{{- end }}
{{- toYaml $all }}
{{- end }}
