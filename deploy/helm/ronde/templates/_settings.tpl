{{/*
The settings of a container as variables of its environment (docs/contracts.md, Settings), by component. A component gets
only the settings that it reads: a changed setting of the sink restarts no worker, and no pod holds a secret that it does
not use.
*/}}

{{- define "ronde.parts" -}}
worker: { user: worker, tables: [canary, log, prefix, procedures, topics, worker], registry: true, pages: worker, port: 6066 }
sink: { user: sink, tables: [log, prefix, sink, topics], registry: true, postgres: true, pages: sink, port: 6067 }
receiver: { user: receiver, tables: [log, prefix, receiver, topics, web], registry: true, pages: receiver, port: 6068, listens: true, exclude: [keys, signals, transmitters] }
desk: { user: desk, tables: [canary, desk, log, objectives, prefix, procedures, topics, web], registry: true, ledger: true, pages: desk, port: 6090, listens: true, web: 6080, exclude: [view] }
portal: { user: portal, tables: [log, portal, prefix, topics, web], registry: true, postgres: true, pages: portal, port: 6091, listens: true, web: 6081, exclude: [readiness] }
partners: { user: partners, tables: [log, partners, prefix, topics, web], registry: true, postgres: true, pages: partners, port: 6092, listens: true, web: 6082, exclude: [kafka, registry] }
watchdog: { user: watchdog, tables: [canary, log, prefix, procedures, topics, watchdog], registry: true, pages: watchdog, port: 6093, apart: true }
seal: { user: seal, tables: [log, prefix, seal, topics], registry: true, postgres: true, pages: seal, port: 6094, apart: true }
topics: { user: admin, tables: [prefix, topics] }
migrations: { postgres: true }
test: { user: admin, tables: [prefix, topics] }
{{- end }}

{{/* The commands that the job of migrations runs, by the name of their containers; empty: there is no job. */}}
{{- define "ronde.migrates" -}}
{{- if .Values.migrations.enabled }}
{{- if .Values.sink.enabled }}
migrate: [ledger, migrate]
{{- end }}
{{- if .Values.portal.enabled }}
migrate-portal: [portal, migrate]
{{- end }}
{{- if .Values.partners.enabled }}
migrate-partners: [partners, migrate]
{{- end }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "component" "worker") */}}
{{- define "ronde.environment" -}}
{{- $values := .root.Values }}
{{- $part := get (include "ronde.parts" . | fromYaml) .component }}
{{- if $part.pages }}
{{- $table := printf "RONDE_%s__" (upper $part.pages) }}
- name: {{ $table }}ID # unique to the pod, and in a StatefulSet the same after a restart
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- if $part.listens }}
- name: {{ $table }}HOST # of its other ports
  value: {{ $values.pages.host | quote }}
{{- end }}
{{- if or $part.listens $part.apart }}
{{- $table = printf "%sPAGES_" $table }}
{{- end }}
- name: {{ $table }}HOST
  value: {{ $values.pages.host | quote }}
- name: {{ $table }}PORT
  value: {{ $part.port | quote }}
- name: {{ printf "RONDE_%s__DATA_DIR" (upper $part.pages) }}
  value: /var/lib/ronde
{{- end }}
{{- range $part.tables }}
{{- if hasKey $values.settings . }}
{{- include "ronde.variables" (dict "above" "RONDE_" "table" (pick $values.settings .)) }}
{{- end }}
{{- end }}
{{- if eq .component "receiver" }}
{{- include "ronde.receiver" .root }}
{{- end }}
{{- if eq .component "watchdog" }}
{{- $catchUp := pick (get $values.settings "worker" | default dict) "catch_up_seconds" }}
{{- include "ronde.variables" (dict "above" "RONDE_WORKER__" "table" $catchUp) }}
{{- range $name, $secret := dict "WEBHOOK_SECRET" $values.watchdog.webhookSecret "PING_URL" $values.watchdog.pingSecret "CANARY_KEY" $values.watchdog.canaryKeySecret }}
{{- if $secret.name }}
- name: RONDE_WATCHDOG__{{ $name }}
  {{- include "ronde.secretKey" $secret | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- if eq .component "seal" }}
- name: RONDE_SEAL__KEY_FILE
  value: /etc/ronde/seal-key/seal.pem
{{- end }}
{{- if $part.web }}
{{- include "ronde.web" . }}
{{- end }}
{{- if $part.user }}
{{- include "ronde.kafka" (dict "root" .root "user" $part.user) }}
{{- end }}
{{- if $part.registry }}
{{- include "ronde.registry" .root }}
{{- end }}
{{- if or $part.postgres (and $part.ledger $values.desk.history) }}
{{- include "ronde.postgres" .root }}
{{- end }}
{{- end }}

{{/* A table of settings and the tables in it: (dict "above" "RONDE_" "table" …). */}}
{{- define "ronde.variables" -}}
{{- range $name, $value := .table }}
{{- $variable := printf "%s%s" $.above ($name | replace "." "_" | upper) }}
{{- if kindIs "map" $value }}
{{- include "ronde.variables" (dict "above" (printf "%s__" $variable) "table" $value) }}
{{- else if not (kindIs "invalid" $value) }}
- name: {{ $variable }}
  value: {{ include "ronde.text" $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* A value as text; Helm reads every number as a float, and would write 1e+06 for a million. */}}
{{- define "ronde.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- define "ronde.kafka" -}}
{{- $kafka := .root.Values.kafka }}
{{- $user := get $kafka.users .user }}
{{- $servers := required "kafka.bootstrapServers: name the brokers, as host:port,host:port" $kafka.bootstrapServers }}
{{- $properties := dict "bootstrap.servers" $servers "security.protocol" $kafka.securityProtocol }}
{{- if hasSuffix "SSL" $kafka.securityProtocol }}
{{- if or $kafka.ca.configMap $kafka.ca.secret }}
{{- $_ := set $properties "ssl.ca.location" "/etc/ronde/kafka-ca/ca.crt" }}
{{- end }}
{{- if $user.certificateSecret }}
{{- $_ := set $properties "ssl.certificate.location" "/etc/ronde/kafka-certificate/tls.crt" }}
{{- $_ := set $properties "ssl.key.location" "/etc/ronde/kafka-certificate/tls.key" }}
{{- end }}
{{- end }}
{{- if hasPrefix "SASL" $kafka.securityProtocol }}
{{- $_ := set $properties "sasl.mechanism" $kafka.saslMechanism }}
{{- end }}
{{- include "ronde.variables" (dict "above" "RONDE_KAFKA__" "table" (merge $properties $kafka.properties)) }}
{{- if hasPrefix "SASL" $kafka.securityProtocol }}
{{- $words := "kafka.users.%s.secret: name the Secret that holds the password of this user" }}
{{- $secret := required (printf $words .user) $user.secret }}
- name: RONDE_KAFKA__SASL_USERNAME
{{- if $user.name }}
  value: {{ $user.name | quote }}
{{- else }}
  {{- include "ronde.secretKey" (dict "name" $secret "key" $user.nameKey) | nindent 2 }}
{{- end }}
- name: RONDE_KAFKA__SASL_PASSWORD
  {{- include "ronde.secretKey" (dict "name" $secret "key" $user.passwordKey) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "ronde.registry" -}}
{{- with .Values.registry }}
{{- if .urlSecret.name }}
- name: RONDE_REGISTRY__URL
  {{- include "ronde.secretKey" .urlSecret | nindent 2 }}
{{- else if .url }}
- name: RONDE_REGISTRY__URL
  value: {{ .url | quote }}
{{- end }}
{{- if or .ca.configMap .ca.secret }}
- name: RONDE_REGISTRY__CA_FILE # not SSL_CERT_FILE, which replaces the authorities of all others too
  value: /etc/ronde/registry-ca/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{- define "ronde.postgres" -}}
{{- with .Values.postgres }}
{{- $_ := required "postgres.host: name the server of the ledger, or set sink.enabled to false; portal and partners need it too" .host }}
{{- include "ronde.variables" (dict "above" "RONDE_POSTGRES__" "table" (pick . "host" "port" "database" "user" "sslmode")) }}
{{- if .passwordSecret.name }}
- name: RONDE_POSTGRES__PASSWORD
  {{- include "ronde.secretKey" .passwordSecret | nindent 2 }}
{{- end }}
{{- if or .ca.configMap .ca.secret }}
- name: RONDE_POSTGRES__SSLROOTCERT
  value: /etc/ronde/postgres-ca/ca.crt
{{- else if eq .sslmode "verify-full" }}
- name: RONDE_POSTGRES__SSLROOTCERT # libpq's own is a file in a home folder, which no container has
  value: system
{{- else if eq .sslmode "verify-ca" }}
{{- fail "postgres.ca: name the authority that signed the server's certificate: verify-ca trusts no other" }}
{{- end }}
{{- if .certificateSecret }}
- name: RONDE_POSTGRES__SSLCERT
  value: /etc/ronde/postgres-certificate/tls.crt
- name: RONDE_POSTGRES__SSLKEY
  value: /etc/ronde/postgres-certificate/tls.key
{{- end }}
{{- end }}
{{- end }}

{{- define "ronde.secretKey" -}}
valueFrom:
  secretKeyRef:
    name: {{ .name }}
    key: {{ .key }}
{{- end }}
