{{/* The PersistentVolumeClaim of a component with one pod. (dict "root" $ "component" "jaeger" "values" .Values.jaeger) */}}
{{- define "mini-redis.claim" -}}
{{- $p := .values.persistence }}
{{- if and .values.enabled $p.enabled (not $p.existingClaim) }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "mini-redis.name" . }}
  labels: {{- include "mini-redis.labels" . | nindent 4 }}
  {{- if $p.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with $p.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests: { storage: {{ $p.size }} }
{{- end }}
{{- end }}
