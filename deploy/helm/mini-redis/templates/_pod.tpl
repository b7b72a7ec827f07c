{{/* What every pod and container has in common. */}}

{{/* Pod fields. (dict "root" $ "component" "server" "values" .Values.server "user" 65532) */}}
{{- define "mini-redis.pod" -}}
serviceAccountName: {{ include "mini-redis.serviceAccountName" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .values.terminationGracePeriodSeconds }}
terminationGracePeriodSeconds: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Container fields that do not differ. (dict "root" $ "image" IMAGE "values" .Values.server) */}}
{{- define "mini-redis.container" -}}
image: {{ include "mini-redis.image" . | quote }}
imagePullPolicy: {{ .image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources: {{- toYaml .values.resources | nindent 2 }}
{{- end }}

{{/* Startup, liveness and readiness over HTTP. (dict "port" "admin" "live" "/healthz" "ready" "/readyz")
     A start may take a minute; a program that has not answered for half a minute is started anew. */}}
{{- define "mini-redis.probes" -}}
startupProbe:
  httpGet: { path: {{ .ready }}, port: {{ .port }} }
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: {{ .live }}, port: {{ .port }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: { path: {{ .ready }}, port: {{ .port }} }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end }}

{{/* A container that is behind a Service runs on for a second after the Service was told: a client that connects anew is no longer
     led to a pod that is gone, where nobody would answer it. Not where it holds a volume: of a pod that is deleted by force the
     successor starts within that second, and would find the volume in use. */}}
{{- define "mini-redis.lifecycle" -}}
lifecycle:
  preStop:
    sleep: { seconds: 1 }
{{- end }}

{{/* Bytes of a quantity in Mi or Gi, the units that the schema admits for memory and volumes. */}}
{{- define "mini-redis.bytes" -}}
{{- $unit := ternary 1073741824 1048576 (hasSuffix "Gi" .) }}
{{- mul (trimSuffix "Gi" . | trimSuffix "Mi" | int64) $unit }}
{{- end }}

{{/* MiB of a component's memory limit. */}}
{{- define "mini-redis.limitMiB" -}}
{{- div (include "mini-redis.bytes" .resources.limits.memory | int64) 1048576 }}
{{- end }}

{{/* The garbage collector works harder from 90 % of the limit on, before the kernel kills. */}}
{{- define "mini-redis.goMemLimit" -}}
- name: GOMEMLIMIT
  value: {{ div (mul (include "mini-redis.bytes" .resources.limits.memory | int64) 9) 10 | quote }}
{{- end }}

{{/* Where a program's telemetry goes; empty is nowhere. */}}
{{- define "mini-redis.otlpEndpoint" -}}
{{- if .Values.collector.enabled }}
{{- printf "http://%s:4317" (include "mini-redis.name" (dict "root" . "component" "collector")) }}
{{- else }}
{{- .Values.telemetry.endpoint }}
{{- end }}
{{- end }}

{{/* Telemetry of the project's own programs: where it goes, and which pod it comes from.
     (dict "root" $ "component" "server" "workload" "k8s.statefulset.name=mini-redis") */}}
{{- define "mini-redis.telemetryEnv" -}}
{{- $endpoint := include "mini-redis.otlpEndpoint" .root }}
{{- $attributes := list "service.instance.id=$(K8S_POD_UID)" "k8s.pod.uid=$(K8S_POD_UID)" "k8s.pod.name=$(K8S_POD_NAME)" "k8s.namespace.name=$(K8S_NAMESPACE_NAME)" "k8s.node.name=$(K8S_NODE_NAME)" (printf "k8s.container.name=%s" .component) }}
{{- with .workload }}{{ $attributes = append $attributes . }}{{ end }}
- name: K8S_POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: K8S_POD_UID
  valueFrom: { fieldRef: { fieldPath: metadata.uid } }
- name: K8S_NAMESPACE_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: K8S_NODE_NAME
  valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ join "," $attributes | quote }}
{{- if $endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ $endpoint | quote }}
- name: OTEL_BSP_SCHEDULE_DELAY
  value: {{ int64 .root.Values.telemetry.spanDelayMillis | quote }}
- name: OTEL_METRIC_EXPORT_INTERVAL
  value: {{ int64 .root.Values.telemetry.metricIntervalMillis | quote }}
{{- else }}
- name: OTEL_TRACES_EXPORTER
  value: none
{{- end }}
- name: OTEL_METRICS_EXPORTER
  value: {{ ternary "otlp" "none" (and (eq .root.Values.telemetry.metrics "push") (ne $endpoint "")) }}
{{- end }}
