{{/* Names and labels. */}}

{{- define "ronde.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 45 | trimSuffix "-" }}
{{- end }}

{{/*
At most 45 characters: with the suffix "-worker" and a revision's hash, it is a pod's label of at most 63 characters.
*/}}
{{- define "ronde.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else if contains (include "ronde.name" .) .Release.Name }}
{{- .Release.Name | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "ronde.name" .) | trunc 45 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Whether workers run: unless a value says that they do not. */}}
{{- define "ronde.hasWorkers" -}}
{{- if dig "enabled" true .Values.worker }}true{{ end }}
{{- end }}

{{/* The components that run and have pages, with a comma between. */}}
{{- define "ronde.running" -}}
{{- $running := ternary (list "worker") list (eq (include "ronde.hasWorkers" .) "true") }}
{{- range $component := list "sink" "receiver" "desk" "portal" "partners" "watchdog" "seal" }}
{{- if not (hasKey $.Values $component) }}
{{- fail (printf "%s: values of an older chart do not have it: upgrade with --reset-then-reuse-values, not --reuse-values" $component) }}
{{- end }}
{{- if (get $.Values $component).enabled }}
{{- $running = append $running $component }}
{{- end }}
{{- end }}
{{- required "worker.enabled: nothing is enabled" (join "," $running) }}
{{- end }}

{{/* Labels that never change, so that they can be selectors: (dict "root" $ "component" "worker"). */}}
{{- define "ronde.selector" -}}
app.kubernetes.io/name: {{ include "ronde.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "ronde.labels" -}}
{{ include "ronde.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* A pod's labels, without the chart's version, which would restart the pods. (dict "root" $ "component" … "of" …). */}}
{{- define "ronde.podLabels" -}}
{{ include "ronde.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- with .of.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ronde.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The jobs run before the release's other resources exist, so they use the namespace's default account. */}}
{{- define "ronde.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "ronde.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}
