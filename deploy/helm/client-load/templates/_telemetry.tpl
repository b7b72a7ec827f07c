{{/* Telemetry environment of the run: the endpoint, and resource attributes that identify the pod. */}}
{{- define "client-load.telemetryEnv" -}}
- name: K8S_POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: K8S_POD_UID
  valueFrom: { fieldRef: { fieldPath: metadata.uid } }
- name: K8S_NAMESPACE_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: K8S_NODE_NAME
  valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ printf "service.instance.id=$(K8S_POD_UID),k8s.pod.uid=$(K8S_POD_UID),k8s.pod.name=$(K8S_POD_NAME),k8s.namespace.name=$(K8S_NAMESPACE_NAME),k8s.node.name=$(K8S_NODE_NAME),k8s.container.name=load,k8s.job.name=%s" (include "client-load.fullname" .) | quote }}
{{- if .Values.telemetry.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .Values.telemetry.endpoint | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .Values.telemetry.sampleRatio | quote }}
- name: OTEL_BSP_SCHEDULE_DELAY
  value: {{ int64 .Values.telemetry.spanDelayMillis | quote }}
- name: OTEL_METRIC_EXPORT_INTERVAL
  value: {{ int64 .Values.telemetry.metricIntervalMillis | quote }}
{{- else }}
- name: OTEL_TRACES_EXPORTER
  value: none
{{- end }}
- name: OTEL_METRICS_EXPORTER
  value: {{ ternary "otlp" "none" (and .Values.telemetry.pushMetrics (ne .Values.telemetry.endpoint "")) }}
{{- end }}
