{{- define "mini-redis.jaegerConfig" -}}
{{- $prometheus := include "mini-redis.name" (dict "root" . "component" "prometheus") -}}
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [jaeger_storage_exporter]
  telemetry:
    resource:
      service.name: jaeger
    logs:
      level: {{ .Values.jaeger.logLevel }}
    metrics:
      level: normal
      readers:
        - pull:
            exporter:
              prometheus:
                host: 0.0.0.0
                port: 8888
extensions:
  healthcheckv2:
    use_v2: true
    http:
      endpoint: 0.0.0.0:13133
  jaeger_query:
    storage:
      traces: spans
      {{- if .Values.prometheus.enabled }}
      metrics: prometheus
      {{- end }}
    enable_tracing: false # otherwise Jaeger traces itself and sends these spans to :4317
    http:
      endpoint: 0.0.0.0:16686
    grpc:
      endpoint: 127.0.0.1:16685
  jaeger_storage:
    backends:
      spans:
        {{- if .Values.jaeger.persistence.enabled }}
        badger:
          directories:
            keys: /badger/key
            values: /badger/data
          ephemeral: false
          ttl:
            spans: {{ .Values.jaeger.persistence.retention }}
        {{- else }}
        memory:
          max_traces: {{ int64 .Values.jaeger.maxTraces }}
        {{- end }}
    {{- if .Values.prometheus.enabled }}
    metric_backends:
      prometheus:
        prometheus:
          endpoint: http://{{ $prometheus }}:9090
          # Prometheus stores names as they are sent, without unit suffixes.
          normalize_calls: false
          normalize_duration: false
    {{- end }}
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
exporters:
  jaeger_storage_exporter:
    trace_storage: spans
{{- end }}
