{{/* Egress of a component: (dict "root" $ "component" "worker"). */}}

{{- define "ronde.egress" -}}
{{- $policy := .root.Values.networkPolicy }}
{{- $part := get (include "ronde.parts" . | fromYaml) .component }}
- ports:
    - { protocol: UDP, port: {{ $policy.dns.port }} }
    - { protocol: TCP, port: {{ $policy.dns.port }} }
  {{- include "ronde.to" $policy.dns.to }}
{{- if $part.user }}
- ports: {{- include "ronde.tcp" $policy.kafka.ports }}
  {{- include "ronde.to" $policy.kafka.to }}
{{- end }}
{{- if and $part.registry (or .root.Values.registry.url .root.Values.registry.urlSecret.name) }}
- ports: {{- include "ronde.tcp" $policy.registry.ports }}
  {{- include "ronde.to" $policy.registry.to }}
{{- end }}
{{- if or $part.postgres (and $part.ledger .root.Values.desk.history) }}
- ports: {{- include "ronde.tcp" (list .root.Values.postgres.port) }}
  {{- include "ronde.to" $policy.postgres.to }}
{{- end }}
{{- if and $part.web (dig "web" "oidc_issuer" "" .root.Values.settings) }}
- ports: {{- include "ronde.tcp" $policy.oidc.ports }}
  {{- include "ronde.to" $policy.oidc.to }}
{{- end }}
{{- if eq .component "watchdog" }}
- ports: {{- include "ronde.tcp" $policy.watchdog.ports }}
  {{- include "ronde.to" $policy.watchdog.to }}
{{- end }}
{{- if and (eq .component "seal") (dig "seal" "stamp_url" "" .root.Values.settings) }}
- ports: {{- include "ronde.tcp" $policy.seal.ports }}
  {{- include "ronde.to" $policy.seal.to }}
{{- end }}
{{- if eq .component "partners" }}
- ports: {{- include "ronde.tcp" $policy.partners.ports }}
  {{- include "ronde.to" $policy.partners.to }}
{{- end }}
{{- end }}

{{- define "ronde.tcp" -}}
{{- range . }}
    - { protocol: TCP, port: {{ . }} }
{{- end }}
{{- end }}

{{- define "ronde.to" -}}
{{- with . }}
  to:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
