{{/* Fields that all pods and containers share. */}}

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

{{/* Container fields. (dict "root" $ "image" IMAGE "values" .Values.server) */}}
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

{{/* Startup, liveness and readiness probes over HTTP. (dict "port" "admin" "live" "/healthz" "ready" "/readyz")
     - Startup: the container has 60 s to become ready; the other probes start after that.
     - Liveness: three failures in a row, one probe every 10 s, restart the container. A failure is no answer within 5 s or a
       status of 400 or more. A container that stops working is thus restarted after 20 s to 35 s. The period is long because a
       restart of the server loses the database, and a single slow answer on a busy node must not cause one.
     - Readiness: two failures in a row, one probe every 2 s, remove the pod from its Services. */}}
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

{{/* Delays SIGTERM by one second, so that the Service removes the pod from its endpoints before the container stops accepting
     connections. Without the delay, new connections would be routed to a pod that is gone and time out. Containers with a volume
     must not use it: after a forced deletion, the replacement pod starts within that second and finds the volume in use. */}}
{{- define "mini-redis.lifecycle" -}}
lifecycle:
  preStop:
    sleep: { seconds: 1 }
{{- end }}

{{/* Bytes of a quantity in Mi or Gi, the only units that the schema allows for memory and volumes. */}}
{{- define "mini-redis.bytes" -}}
{{- $unit := ternary 1073741824 1048576 (hasSuffix "Gi" .) }}
{{- mul (trimSuffix "Gi" . | trimSuffix "Mi" | int64) $unit }}
{{- end }}

{{/* A component's memory limit in MiB. */}}
{{- define "mini-redis.limitMiB" -}}
{{- div (include "mini-redis.bytes" .resources.limits.memory | int64) 1048576 }}
{{- end }}

{{/* GOMEMLIMIT: 90 % of the memory limit in bytes, so that the Go garbage collector acts before the kernel kills the
     process. */}}
{{- define "mini-redis.goMemLimit" -}}
- name: GOMEMLIMIT
  value: {{ div (mul (include "mini-redis.bytes" .resources.limits.memory | int64) 9) 10 | quote }}
{{- end }}

{{/* The OTLP endpoint of the project's programs. Empty: no telemetry is exported. */}}
{{- define "mini-redis.otlpEndpoint" -}}
{{- if .Values.collector.enabled }}
{{- printf "http://%s:4317" (include "mini-redis.name" (dict "root" . "component" "collector")) }}
{{- else }}
{{- .Values.telemetry.endpoint }}
{{- end }}
{{- end }}

{{/* Telemetry environment of the project's programs: the endpoint, and resource attributes that identify the pod.
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
