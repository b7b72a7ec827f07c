{{- define "mini-redis.prometheusConfig" -}}
{{- $name := include "mini-redis.fullname" . -}}
# The programs push their metrics. They must not be scraped too, because that would double every sum.
# Only the collector, Jaeger and Prometheus, which do not push, are scraped.
global:
  scrape_interval: 15s
otlp:
  translation_strategy: UnderscoreEscapingWithoutSuffixes # store the names as the programs send them
  keep_identifying_resource_attributes: true
  promote_resource_attributes:
    - service.instance.id
    - service.version
    - load.run.id
    - k8s.namespace.name
    - k8s.pod.name
    - k8s.node.name
storage:
  exemplars:
    max_exemplars: {{ int64 .Values.prometheus.maxExemplars }}
  tsdb:
    out_of_order_time_window: 1m # a retried push arrives late
scrape_configs:
  {{- if .Values.collector.enabled }}
  - job_name: collector
    static_configs:
      - targets: ["{{ $name }}-collector:8888"]
  {{- end }}
  {{- if .Values.jaeger.enabled }}
  - job_name: jaeger
    static_configs:
      - targets: ["{{ $name }}-jaeger:8888"]
  {{- end }}
  - job_name: prometheus
    static_configs:
      - targets: ["127.0.0.1:9090"]
  {{- with .Values.prometheus.extraScrapeConfigs }}{{- toYaml . | nindent 2 }}{{- end }}
{{- with .Values.prometheus.remoteWrite }}
remote_write: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
