{{/* Variables of a desk: where people reach it, its Secrets, and the ledger if it shows history. */}}
{{- define "ronde.desk" -}}
{{- $desk := .Values.desk }}
- name: RONDE_WEB__SESSION_KEY
  {{- $_ := required "desk.sessionSecret.name: name the Secret with the key that all desks sign sessions with" $desk.sessionSecret.name }}
  {{- include "ronde.secretKey" $desk.sessionSecret | nindent 2 }}
{{- if $desk.usersSecret.name }}
- name: RONDE_WEB__USERS_FILE
  value: /etc/ronde/users/users.json
{{- end }}
{{- if $desk.tokensSecret.name }}
- name: RONDE_WEB__TOKENS_FILE
  value: /etc/ronde/tokens/tokens.json
{{- end }}
{{- if $desk.oidcSecret.name }}
- name: RONDE_WEB__OIDC_CLIENT_SECRET
  {{- include "ronde.secretKey" $desk.oidcSecret | nindent 2 }}
{{- end }}
{{- if and $desk.ingress.enabled $desk.ingress.host (not (dig "desk" "public_url" "" .Values.settings)) }}
- name: RONDE_DESK__PUBLIC_URL
  value: {{ printf "%s://%s" (ternary "https" "http" (ne $desk.ingress.tlsSecret "")) $desk.ingress.host | quote }}
{{- end }}
{{- if $desk.history }}
{{- include "ronde.postgres" . }}
{{- end }}
{{- end }}

{{/* Its files. Accounts and tokens are read at each request, and Kubernetes keeps them current. */}}
{{- define "ronde.desk.files" -}}
{{- $values := .Values }}
{{- range $name, $secret := dict "users" $values.desk.usersSecret "tokens" $values.desk.tokensSecret }}
{{- if $secret.name }}
- name: {{ $name }}
  secret:
    secretName: {{ $secret.name }}
    defaultMode: 0440
    items: [{ key: {{ $secret.key }}, path: {{ $name }}.json }]
{{- end }}
{{- end }}
{{- if $values.desk.history }}
{{- include "ronde.authority" (dict "folder" "postgres-ca" "ca" $values.postgres.ca "value" "postgres.ca") }}
{{- include "ronde.certificate" (dict "folder" "postgres-certificate" "secret" $values.postgres.certificateSecret) }}
{{- end }}
{{- end }}
