{{/* Parts shared by all pods. */}}

{{/* The restricted pod security standard, and a read-only root file system. */}}
{{- define "ronde.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- if .Values.podSecurity.fixedIds }}
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001 # lets it read what is mounted
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* (dict "root" $ "of" $.Values.worker) */}}
{{- define "ronde.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .of.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
Over zones, then over hosts. A zone that is down does not count (its nodes are tainted), so that its pods can move to
the others. Only pods of the same revision count: those of the previous one are about to stop.
*/}}
{{- define "ronde.spread" -}}
{{- $hash := ternary "controller-revision-hash" "pod-template-hash" (eq .component "worker") }}
{{- $spread := .root.Values.spread }}
topologySpreadConstraints:
{{- range $key, $policy := dict "topology.kubernetes.io/zone" $spread.zones "kubernetes.io/hostname" $spread.hosts }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: {{ $policy }}
    nodeTaintsPolicy: Honor
    matchLabelKeys: [{{ $hash }}]
    labelSelector:
      matchLabels:
        {{- include "ronde.selector" $ | nindent 8 }}
{{- end }}
{{- end }}

{{/* A component's read-only files, one volume for each folder under /etc/ronde. */}}
{{- define "ronde.files" -}}
{{- $values := .root.Values }}
{{- $part := get (include "ronde.parts" . | fromYaml) .component }}
{{- if and $part.user (hasSuffix "SSL" $values.kafka.securityProtocol) }}
{{- $user := get $values.kafka.users $part.user }}
{{- include "ronde.authority" (dict "folder" "kafka-ca" "ca" $values.kafka.ca "value" "kafka.ca") }}
{{- include "ronde.certificate" (dict "folder" "kafka-certificate" "secret" $user.certificateSecret) }}
{{- end }}
{{- if $part.registry }}
{{- include "ronde.authority" (dict "folder" "registry-ca" "ca" $values.registry.ca "value" "registry.ca") }}
{{- end }}
{{- if or $part.postgres (and $part.ledger .root.Values.desk.history) }}
{{- include "ronde.authority" (dict "folder" "postgres-ca" "ca" $values.postgres.ca "value" "postgres.ca") }}
{{- include "ronde.certificate" (dict "folder" "postgres-certificate" "secret" $values.postgres.certificateSecret) }}
{{- end }}
{{- if eq .component "receiver" }}
{{- include "ronde.receiver.files" .root }}
{{- end }}
{{- if eq .component "seal" }}
- name: seal-key
  secret:
    secretName: {{ $values.seal.keySecret.name }}
    defaultMode: 0440
    items: [{ key: {{ $values.seal.keySecret.key }}, path: seal.pem }]
{{- end }}
{{- if $part.web }}
{{- include "ronde.web.files" . }}
{{- end }}
{{- end }}

{{- define "ronde.authority" -}}
{{- if and .ca.configMap .ca.secret }}
{{- fail (printf "%s: name a configMap or a secret, not both" .value) }}
{{- else if .ca.configMap }}
- name: {{ .folder }}
  configMap:
    name: {{ .ca.configMap }}
    items: [{ key: {{ .ca.key }}, path: ca.crt }]
{{- else if .ca.secret }}
- name: {{ .folder }}
  secret:
    secretName: {{ .ca.secret }}
    items: [{ key: {{ .ca.key }}, path: ca.crt }]
{{- end }}
{{- end }}

{{- define "ronde.certificate" -}}
{{- with .secret }}
- name: {{ $.folder }}
  secret:
    secretName: {{ . }}
    defaultMode: 0440 # libpq rejects a key that others can read
    items: [{ key: tls.crt, path: tls.crt }, { key: tls.key, path: tls.key }]
{{- end }}
{{- end }}

{{/* The only writable folders: the data of this pod's lifetime, and /tmp. */}}
{{- define "ronde.volumes" -}}
volumes:
  - name: data
    emptyDir:
      sizeLimit: 64Mi
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
  {{- with include "ronde.files" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .of.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "ronde.mounts" -}}
volumeMounts:
  - name: data
    mountPath: /var/lib/ronde
  - name: tmp
    mountPath: /tmp
{{- range (include "ronde.files" . | fromYamlArray) }}
  - name: {{ .name }}
    mountPath: /etc/ronde/{{ .name }}
    readOnly: true
{{- end }}
{{- with .of.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Fields of every container: (dict "root" $ "resources" …). */}}
{{- define "ronde.container" -}}
image: {{ include "ronde.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end }}

{{/* Containers that run ronde also have its settings and files: (dict "root" $ "component" "worker" "of" … "resources" …). */}}
{{- define "ronde.command" -}}
{{- $own := dict }}
{{- range (include "ronde.environment" . | fromYamlArray) }}
{{- $_ := set $own .name true }}
{{- end }}
{{- range .of.extraEnv }}
{{- if hasKey $own .name }}
{{- fail (printf "extraEnv: %s is set by the chart: use the value for it" .name) }}
{{- end }}
{{- end }}
{{- include "ronde.container" . }}
env:
  {{- include "ronde.environment" . | trim | nindent 2 }}
  {{- with .of.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{ include "ronde.mounts" . }}
{{- end }}

{{/*
Probes of pods with pages: (dict "of" $.Values.worker). A restore is no reason for a restart, regardless of its duration:
/health is 200 meanwhile, and /ready names what the worker waits for. So the start is over as soon as the pages answer.
What concerns some panels or homes only, as a partition without a leader, fails the /ready of receivers and desks; it must
not cut off the others.
*/}}
{{- define "ronde.probes" -}}
startupProbe:
  httpGet: { path: /health, port: pages }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: {{ div (add .of.startupSeconds 1) 2 }}
livenessProbe:
  httpGet: { path: /health, port: pages }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: {{ div (add .of.livenessSeconds 9) 10 }}
readinessProbe:
  httpGet: { path: "/ready{{ with get (include "ronde.parts" . | fromYaml) .component | dig "exclude" "" }}?exclude={{ join "&exclude=" . }}{{ end }}", port: pages }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{/* Annotations of a pod with pages: (dict "root" $ "component" "worker" "of" $.Values.worker). */}}
{{- define "ronde.annotations" -}}
kubectl.kubernetes.io/default-container: {{ .component }}
{{- if eq .root.Values.monitoring.scrape "annotations" }}
prometheus.io/scrape: "true"
prometheus.io/path: /metrics
prometheus.io/port: {{ get (include "ronde.parts" . | fromYaml) .component | dig "port" 0 | quote }}
{{- end }}
{{- with .of.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}
