{{/* Rejects values that contradict each other, because such a release would silently ignore one of them. */}}

{{- define "mini-redis.checks" -}}
{{- $v := .Values }}
{{- $problems := list }}

{{- /* telemetry: exactly one path from the programs to the backends */}}
{{- if and $v.collector.enabled $v.telemetry.endpoint }}
{{- $problems = append $problems "telemetry.endpoint is for collector.enabled=false; with the collector of this release, set your backends in collector.exporters" }}
{{- end }}
{{- if and (not $v.collector.enabled) (not $v.telemetry.endpoint) (or $v.jaeger.enabled $v.prometheus.enabled) }}
{{- $problems = append $problems "jaeger.enabled or prometheus.enabled without a collector: they would receive no data. Set collector.enabled=true, or disable them and set telemetry.endpoint" }}
{{- end }}
{{- if and $v.collector.enabled (not $v.jaeger.enabled) (not $v.collector.exporters.traces.endpoint) }}
{{- $problems = append $problems "jaeger.enabled=false needs collector.exporters.traces.endpoint: the spans have no other destination" }}
{{- end }}
{{- if and $v.collector.enabled (eq $v.telemetry.metrics "push") (not $v.prometheus.enabled) (not $v.collector.exporters.metrics.endpoint) }}
{{- $problems = append $problems "prometheus.enabled=false needs collector.exporters.metrics.endpoint, or telemetry.metrics=scrape if your Prometheus scrapes the pods" }}
{{- end }}
{{- if and $v.prometheus.enabled (ne $v.telemetry.metrics "push") }}
{{- $problems = append $problems (printf "telemetry.metrics=%s with prometheus.enabled=true: the Prometheus of this release receives pushed metrics. Set telemetry.metrics=push or prometheus.enabled=false" $v.telemetry.metrics) }}
{{- end }}
{{- if and (or $v.monitoring.podMonitor.enabled $v.monitoring.serviceMonitor.enabled) (ne $v.telemetry.metrics "scrape") }}
{{- $problems = append $problems "monitoring.podMonitor or monitoring.serviceMonitor needs telemetry.metrics=scrape: pushing and scraping at the same time doubles every sum" }}
{{- end }}
{{- if and $v.monitoring.podMonitor.enabled $v.monitoring.serviceMonitor.enabled }}
{{- $problems = append $problems "monitoring.podMonitor and monitoring.serviceMonitor together would scrape every pod twice" }}
{{- end }}

{{- /* the collector */}}
{{- if and (hasSuffix ".contrib" $v.collector.overlay) (not $v.collector.contrib.enabled) }}
{{- $problems = append $problems (printf "collector.overlay=%s uses components of the contrib distribution: set collector.contrib.enabled=true" $v.collector.overlay) }}
{{- end }}
{{- if and (gt (int $v.collector.replicas) 1) (eq $v.collector.overlay "tail-sampling") }}
{{- $problems = append $problems "collector.overlay=tail-sampling needs all spans of a trace in one collector: set collector.replicas=1, or see docs/more-than-one-machine.md" }}
{{- end }}

{{- /* storage */}}
{{- if and $v.jaeger.enabled (not $v.jaeger.persistence.enabled) }}
{{- $need := add 96 (div (mul (int64 $v.jaeger.maxTraces) 5) 1024) }}
{{- $have := include "mini-redis.limitMiB" $v.jaeger | int64 }}
{{- if gt $need $have }}
{{- $problems = append $problems (printf "jaeger.maxTraces=%d needs about %dMi, but jaeger.resources.limits.memory is %dMi" (int64 $v.jaeger.maxTraces) $need $have) }}
{{- end }}
{{- end }}
{{- if and $v.jaeger.enabled $v.jaeger.persistence.enabled (lt (include "mini-redis.limitMiB" $v.jaeger | int64) 384) }}
{{- $problems = append $problems (printf "jaeger.persistence.enabled needs 384Mi for the tables that Badger keeps in memory, but jaeger.resources.limits.memory is %s" $v.jaeger.resources.limits.memory) }}
{{- end }}
{{- if $v.prometheus.enabled }}
{{- $size := mul (regexFind "^[0-9]+" $v.prometheus.retentionSize | int64) (ternary 1000000000 1000000 (hasSuffix "GB" $v.prometheus.retentionSize)) }}
{{- $volume := include "mini-redis.bytes" $v.prometheus.persistence.size | int64 }}
{{- if gt (mul $size 10) (mul $volume 9) }}
{{- $problems = append $problems (printf "prometheus.retentionSize=%s is more than nine tenths of the volume of %s (prometheus.persistence.size)" $v.prometheus.retentionSize $v.prometheus.persistence.size) }}
{{- end }}
{{- end }}
{{- range $component := list "jaeger" "prometheus" }}
{{- $p := (index $v $component).persistence }}
{{- if and $p.existingClaim (not $p.enabled) }}
{{- $problems = append $problems (printf "%s.persistence.existingClaim is set, but %s.persistence.enabled is false" $component $component) }}
{{- end }}
{{- end }}

{{- /* background load */}}
{{- if and $v.load.target (not $v.load.enabled) }}
{{- $problems = append $problems "load.target is set, but load.enabled is false" }}
{{- end }}
{{- if and $v.load.existingSecret (not $v.load.target) }}
{{- $problems = append $problems "load.existingSecret is for load.target; the password of the server of this release is server.auth.existingSecret" }}
{{- end }}

{{- range $component := list "server" "collector" "jaeger" "prometheus" "load" "test" }}
{{- $r := (index $v $component).resources }}
{{- if ne $r.requests.memory $r.limits.memory }}
{{- $problems = append $problems (printf "%s.resources: the memory request of %s must equal the memory limit of %s" $component $r.requests.memory $r.limits.memory) }}
{{- end }}
{{- end }}

{{- if $problems }}
{{- fail (printf "\n\nThe values contradict each other:\n- %s\n" (join "\n- " $problems)) }}
{{- end }}
{{- end }}
