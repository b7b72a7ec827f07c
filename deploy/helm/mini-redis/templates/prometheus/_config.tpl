{{- define "mini-redis.prometheusConfig" -}}
{{- $name := include "mini-redis.fullname" . -}}
# The programs' metrics are pushed, and come by that way only: scraping them too would double every sum.
# Scraped are the backends, which push nothing.
global:
  scrape_interval: 15s
otlp:
  translation_strategy: UnderscoreEscapingWithoutSuffixes # names stay as the programs have them
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
    out_of_order_time_window: 1m # a push that is retried comes late
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
