{{/* What a receiver listens on: TCP and HTTP always, UDP and TLS once the settings have a port for them. */}}
{{- define "ronde.receiver.ports" -}}
{{- $settings := default dict .Values.settings.receiver }}
- { name: tcp, port: 6070, protocol: TCP, for: panels }
{{- with $settings.udp_port }}
- { name: udp, port: {{ int . }}, protocol: UDP, for: panels }
{{- end }}
{{- with $settings.tls_port }}
- { name: tls, port: {{ int . }}, protocol: TCP, for: panels }
{{- end }}
- { name: http, port: 6071, protocol: TCP, for: http }
{{- end }}

{{/* Variables of a receiver: its Secrets. Values, not settings, so that each Secret is named where it is described. */}}
{{- define "ronde.receiver" -}}
{{- $receiver := .Values.receiver }}
{{- $settings := default dict .Values.settings.receiver }}
{{- if $receiver.wrappingKeySecret.name }}
- name: RONDE_RECEIVER__WRAPPING_KEY
  {{- include "ronde.secretKey" $receiver.wrappingKeySecret | nindent 2 }}
{{- end }}
{{- if $receiver.tokensSecret.name }}
- name: RONDE_WEB__TOKENS_FILE
  value: /etc/ronde/tokens/tokens.json
{{- end }}
{{- if $settings.tls_port }}
{{- $_ := required "receiver.tls.secret: name the Secret with tls.crt and tls.key, or set no settings.receiver.tls_port" $receiver.tls.secret }}
- name: RONDE_RECEIVER__TLS_CERTIFICATE
  value: /etc/ronde/panels-certificate/tls.crt
- name: RONDE_RECEIVER__TLS_KEY
  value: /etc/ronde/panels-certificate/tls.key
{{- if or $receiver.tls.clientCa.configMap $receiver.tls.clientCa.secret }}
- name: RONDE_RECEIVER__TLS_CLIENT_CA
  value: /etc/ronde/panels-ca/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* Its files. Tokens are read at each request, and Kubernetes keeps them current: a removed token ends within a minute. */}}
{{- define "ronde.receiver.files" -}}
{{- $receiver := .Values.receiver }}
{{- $settings := default dict .Values.settings.receiver }}
{{- with $receiver.tokensSecret }}
{{- if .name }}
- name: tokens
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{ key: {{ .key }}, path: tokens.json }]
{{- end }}
{{- end }}
{{- if $settings.tls_port }}
{{- include "ronde.certificate" (dict "folder" "panels-certificate" "secret" $receiver.tls.secret) }}
{{- include "ronde.authority" (dict "folder" "panels-ca" "ca" $receiver.tls.clientCa "value" "receiver.tls.clientCa") }}
{{- end }}
{{- end }}
