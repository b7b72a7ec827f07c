{{/* Names and labels. Components: server, collector, jaeger, prometheus, load, test. */}}

{{- define "mini-redis.chartName" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name if it contains the chart's name, else RELEASE-CHART. 51 characters leave room for the longest suffix. */}}
{{- define "mini-redis.fullname" -}}
{{- $name := include "mini-redis.chartName" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 51 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 51 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 51 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of a component's objects: the full name for the server, FULLNAME-COMPONENT for the others.
     (dict "root" $ "component" "jaeger") */}}
{{- define "mini-redis.name" -}}
{{- if eq .component "server" }}
{{- include "mini-redis.fullname" .root }}
{{- else }}
{{- printf "%s-%s" (include "mini-redis.fullname" .root) .component }}
{{- end }}
{{- end }}

{{- define "mini-redis.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mini-redis.chartName" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "mini-redis.labels" -}}
{{ include "mini-redis.selectorLabels" . }}
app.kubernetes.io/part-of: mini-redis
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of a pod. They do not contain the chart's version, because every new version would then restart every pod. */}}
{{- define "mini-redis.podLabels" -}}
{{ include "mini-redis.selectorLabels" . }}
app.kubernetes.io/part-of: mini-redis
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- with .values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mini-redis.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "mini-redis.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* An image reference. (dict "root" $ "image" .Values.server.image) */}}
{{- define "mini-redis.image" -}}
{{- $registry := default .image.registry .root.Values.global.imageRegistry }}
{{- $name := .image.repository }}
{{- if $registry }}{{ $name = printf "%s/%s" $registry $name }}{{ end }}
{{- if .image.digest }}
{{- printf "%s@%s" $name .image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .root.Chart.AppVersion .image.tag) }}
{{- end }}
{{- end }}
