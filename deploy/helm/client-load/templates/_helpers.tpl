{{- define "client-load.chartName" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* A Job's name becomes a label of its pods, which limits it to 63 characters. The pods' names append the index. */}}
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

{{/* The network policies of the mini-redis chart allow pods with these part-of and component labels. */}}
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

{{/* Seconds of a duration such as 1h30m or 90s. The schema allows only whole hours, minutes and seconds. */}}
{{- define "client-load.seconds" -}}
{{- $hours := regexFind "[0-9]+h" . | trimSuffix "h" | default "0" | int64 }}
{{- $minutes := regexFind "[0-9]+m" . | trimSuffix "m" | default "0" | int64 }}
{{- $seconds := regexFind "[0-9]+s" . | trimSuffix "s" | default "0" | int64 }}
{{- add (mul $hours 3600) (mul $minutes 60) $seconds }}
{{- end }}

{{/* GOMEMLIMIT: 90 % of the memory limit, in bytes. */}}
{{- define "client-load.goMemLimit" -}}
{{- $limit := .Values.resources.limits.memory }}
{{- $unit := ternary 1073741824 1048576 (hasSuffix "Gi" $limit) }}
{{- div (mul (trimSuffix "Gi" $limit | trimSuffix "Mi" | int64) $unit 9) 10 }}
{{- end }}

{{/* The port of host:port or of a URL. A URL without a port has the default port of its scheme. */}}
{{- define "client-load.portOf" -}}
{{- $authority := regexReplaceAll "^[a-z0-9+.-]+://" . "" | regexFind "^[^/?]*" }}
{{- $port := regexFind ":[0-9]+$" $authority | trimPrefix ":" }}
{{- if $port }}{{ $port }}
{{- else if hasPrefix "https://" . }}443
{{- else if hasPrefix "http://" . }}80
{{- else }}6379
{{- end }}
{{- end }}

{{/* The distinct ports of the target and of the telemetry endpoint, as a JSON array. */}}
{{- define "client-load.ports" -}}
{{- $ports := list }}
{{- range append (splitList "," .Values.target) .Values.telemetry.endpoint | compact }}
{{- $ports = append $ports (include "client-load.portOf" . | int) }}
{{- end }}
{{- uniq $ports | toJson }}
{{- end }}

{{/* Rejects values that contradict each other. */}}
{{- define "client-load.checks" -}}
{{- $v := .Values }}
{{- $problems := list }}
{{- if eq (include "client-load.seconds" $v.duration) "0" }}
{{- $problems = append $problems "duration is 0: for a continuous load use load.enabled of the mini-redis chart" }}
{{- end }}
{{- if regexMatch "://[^/]*@" $v.target }}
{{- $problems = append $problems "target contains a user or a password, which every user with access to Jobs can read: use existingSecret" }}
{{- end }}
{{- if ne $v.resources.requests.memory $v.resources.limits.memory }}
{{- $problems = append $problems (printf "resources: the memory request of %s must equal the memory limit of %s" $v.resources.requests.memory $v.resources.limits.memory) }}
{{- end }}
{{- if and (not $v.telemetry.endpoint) (ne (toString $v.telemetry.sampleRatio) "1") }}
{{- $problems = append $problems "telemetry.sampleRatio without telemetry.endpoint: no trace is exported" }}
{{- end }}
{{- if $problems }}
{{- fail (printf "\n\nThe values contradict each other:\n- %s\n" (join "\n- " $problems)) }}
{{- end }}
{{- end }}
