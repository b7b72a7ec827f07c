{{- define "client-load.chartName" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* A Job's name ends up in its pods' labels, so it has 63 characters at most; the index needs some more in the pods' names. */}}
{{- define "client-load.fullname" -}}
{{- $name := include "client-load.chartName" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 51 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 51 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 51 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "client-load.selectorLabels" -}}
app.kubernetes.io/name: {{ include "client-load.chartName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: load
{{- end }}

{{/* part-of and component are what the stack's network policies admit. */}}
{{- define "client-load.podLabels" -}}
{{ include "client-load.selectorLabels" . }}
app.kubernetes.io/part-of: mini-redis
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "client-load.labels" -}}
{{ include "client-load.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "client-load.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "client-load.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "client-load.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry }}
{{- $name := .Values.image.repository }}
{{- if $registry }}{{ $name = printf "%s/%s" $registry $name }}{{ end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "client-load.runId" -}}
{{- default .Release.Name .Values.runId }}
{{- end }}

{{/* Whole seconds of a duration like 1h30m or 90s, the units that the schema admits. */}}
{{- define "client-load.seconds" -}}
{{- $hours := regexFind "[0-9]+h" . | trimSuffix "h" | default "0" | int64 }}
{{- $minutes := regexFind "[0-9]+m" . | trimSuffix "m" | default "0" | int64 }}
{{- $seconds := regexFind "[0-9]+s" . | trimSuffix "s" | default "0" | int64 }}
{{- add (mul $hours 3600) (mul $minutes 60) $seconds }}
{{- end }}

{{/* Nine tenths of the memory limit, in bytes. */}}
{{- define "client-load.goMemLimit" -}}
{{- $limit := .Values.resources.limits.memory }}
{{- $unit := ternary 1073741824 1048576 (hasSuffix "Gi" $limit) }}
{{- div (mul (trimSuffix "Gi" $limit | trimSuffix "Mi" | int64) $unit 9) 10 }}
{{- end }}

{{/* The port of host:port or of a URL; what a URL does not say follows from its scheme. */}}
{{- define "client-load.portOf" -}}
{{- $authority := regexReplaceAll "^[a-z0-9+.-]+://" . "" | regexFind "^[^/?]*" }}
{{- $port := regexFind ":[0-9]+$" $authority | trimPrefix ":" }}
{{- if $port }}{{ $port }}
{{- else if hasPrefix "https://" . }}443
{{- else if hasPrefix "http://" . }}80
{{- else }}6379
{{- end }}
{{- end }}

{{/* The ports that a run must reach, each once. */}}
{{- define "client-load.ports" -}}
{{- $ports := list }}
{{- range append (splitList "," .Values.target) .Values.telemetry.endpoint | compact }}
{{- $ports = append $ports (include "client-load.portOf" . | int) }}
{{- end }}
{{- uniq $ports | toJson }}
{{- end }}

{{/* Values that contradict each other. */}}
{{- define "client-load.checks" -}}
{{- $v := .Values }}
{{- $problems := list }}
{{- if eq (include "client-load.seconds" $v.duration) "0" }}
{{- $problems = append $problems "duration is 0: a load that never ends is load.enabled of the mini-redis chart, and no Job" }}
{{- end }}
{{- if regexMatch "://[^/]*@" $v.target }}
{{- $problems = append $problems "target has a user or a password in it, which everybody who may list Jobs can read: use existingSecret" }}
{{- end }}
{{- if ne $v.resources.requests.memory $v.resources.limits.memory }}
{{- $problems = append $problems (printf "resources: a memory request of %s is not the limit of %s" $v.resources.requests.memory $v.resources.limits.memory) }}
{{- end }}
{{- if and (not $v.telemetry.endpoint) (ne (toString $v.telemetry.sampleRatio) "1") }}
{{- $problems = append $problems "telemetry.sampleRatio without telemetry.endpoint: no trace goes anywhere" }}
{{- end }}
{{- if $problems }}
{{- fail (printf "\n\nThe values contradict each other:\n- %s\n" (join "\n- " $problems)) }}
{{- end }}
{{- end }}
