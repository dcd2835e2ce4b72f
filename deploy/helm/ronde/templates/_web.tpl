{{/* The parts with pages for people: desk, portal and partners. (dict "root" $ "component" "desk") */}}

{{- define "ronde.web.enabled" -}}
{{- range $component := list "desk" "portal" "partners" }}
{{- if (get $.Values $component).enabled }}
- {{ $component }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where people reach it; nothing: what they typed. */}}
{{- define "ronde.web.url" -}}
{{- $of := get .root.Values .component }}
{{- if $of.publicUrl }}
{{- $of.publicUrl }}
{{- else if $of.ingress.enabled }}
{{- $host := required (printf "%s.ingress.host: name the host that people reach it by" .component) $of.ingress.host }}
{{- printf "https://%s" $host }}
{{- end }}
{{- end }}

{{/* Variables: its address, and its Secrets, each its own. */}}
{{- define "ronde.web" -}}
{{- $of := get .root.Values .component }}
{{- with include "ronde.web.url" . }}
- name: {{ printf "RONDE_%s__PUBLIC_URL" (upper $.component) }}
  value: {{ . | quote }}
{{- end }}
{{- if $of.usersSecret.name }}
- name: RONDE_WEB__USERS_FILE
  value: /etc/ronde/users/users.json
{{- end }}
{{- if $of.tokensSecret.name }}
- name: RONDE_WEB__TOKENS_FILE
  value: /etc/ronde/tokens/tokens.json
{{- end }}
{{- $signIn := or $of.usersSecret.name (dig "web" "oidc_issuer" "" .root.Values.settings) }}
{{- if or (ne .component "partners") $signIn $of.sessionKeySecret.name }}
{{- $_ := required (printf "%s.sessionKeySecret.name: name the Secret with the key that signs sessions" .component) $of.sessionKeySecret.name }}
- name: RONDE_WEB__SESSION_KEY
  {{- include "ronde.secretKey" $of.sessionKeySecret | nindent 2 }}
{{- end }}
{{- if $of.oidcSecret.name }}
- name: RONDE_WEB__OIDC_CLIENT_SECRET
  {{- include "ronde.secretKey" $of.oidcSecret | nindent 2 }}
{{- end }}
{{- if eq .component "portal" }}
{{- if $of.wrappingKeySecret.name }}
- name: RONDE_RECEIVER__WRAPPING_KEY # wraps the keys of transmitters
  {{- include "ronde.secretKey" $of.wrappingKeySecret | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* Files of people's accounts and programs' tokens; Kubernetes keeps them current. */}}
{{- define "ronde.web.files" -}}
{{- $of := get .root.Values .component }}
{{- range $name, $secret := dict "tokens" $of.tokensSecret "users" $of.usersSecret }}
{{- if $secret.name }}
- name: {{ $name }}
  secret:
    secretName: {{ $secret.name }}
    defaultMode: 0440
    items: [{ key: {{ $secret.key }}, path: {{ $name }}.json }]
{{- end }}
{{- end }}
{{- end }}
