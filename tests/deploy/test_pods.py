"""What the pods of the chart may do, how they are set up, and how they are kept alive."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

import edges.receiver.process
import seal.process
import sinks.process.run
import streams.worker.worker
from edges.receiver.listening import tls_context
from edges.web.server import PROCESS_STOP_SECONDS
from ronde.shared.whole_settings import WholeSettings
from streams.settings import load
from streams.settings.sources import is_secret, variable
from tests.deploy.chart import PAGED, SETS, WEB, Object, objects, of_kind, paged, pod, pods, text, write
from tests.deploy.kubelet import environment

pytestmark = pytest.mark.slow  # helm and promtool take their time

JOBS: Final = ("topics", "migrations")

MUTUAL: Final = {
    "kafka": {
        "securityProtocol": "SSL",
        "ca": {"secret": "kafka-ca"},
        "users": {
            user: {"certificateSecret": f"kafka-{user}"}
            for user in ("worker", "sink", "receiver", "desk", "portal", "partners", "seal", "watchdog", "admin")
        },
    },
    "settings": {"receiver": {"udp_port": 6072, "tls_port": 6073}},
    "receiver": {
        "enabled": True,
        "service": {"type": "NodePort"},
        "wrappingKeySecret": {"name": "wrapping-key", "key": "key"},
        "tls": {"secret": "panels", "clientCa": {"configMap": "panels-ca"}},
    },
    **{component: {"enabled": True, "sessionKeySecret": {"name": "session"}} for component in WEB},
    "postgres": {"certificateSecret": "postgres-ronde", "ca": {"configMap": "postgres-ca"}},
}


@pytest.fixture(scope="module", params=[*SETS, "mutual TLS"])
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    if request.param in SETS:
        return objects(text(SETS[request.param]))
    return objects(text(SETS["one-zone"], write(tmp_path_factory.mktemp("values"), MUTUAL)))


@pytest.fixture(scope="module")
def one_zone() -> list[Object]:
    return objects(text(SETS["one-zone"]))


def test_every_pod_is_restricted(rendered: list[Object]) -> None:
    assert {one.component for one in pods(rendered)} == {*paged(rendered), *JOBS, "test"}
    for one in pods(rendered):
        assert one.spec["automountServiceAccountToken"] is False
        assert one.spec["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & one.spec.keys()
        security = one.spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in one.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not [port for port in container.get("ports", []) if "hostPort" in port]


def test_nothing_can_be_written_to_but_two_small_folders(rendered: list[Object]) -> None:
    for one in pods(rendered):
        writable = {volume["name"] for volume in one.spec["volumes"] if "emptyDir" in volume}
        assert writable == {"data", "tmp"}
        assert all("sizeLimit" in volume["emptyDir"] for volume in one.spec["volumes"] if "emptyDir" in volume)
        assert all(volume.keys() & {"emptyDir", "secret", "configMap"} for volume in one.spec["volumes"])
        for container in one.containers:
            for mount in container.get("volumeMounts", []):
                assert mount["name"] in writable or mount.get("readOnly") is True


def test_every_container_asks_for_what_it_needs(rendered: list[Object]) -> None:
    for one in pods(rendered):
        for container in one.containers:
            wanted = container["resources"]
            assert wanted["requests"].keys() == {"cpu", "memory"}
            assert wanted["limits"] == {"memory": wanted["requests"]["memory"]}


def test_no_secret_is_in_the_text_and_none_is_made() -> None:
    for values in SETS.values():
        found = objects(text(values))
        assert of_kind(found, "Secret") == {}
        for one in pods(found):
            for container in one.containers:
                for entry in container.get("env", []):
                    name = entry["name"].lower()
                    if entry.get("value", "").startswith("/etc/ronde/"):
                        continue  # a file that is mounted
                    if any(word in name for word in ("password", "secret", "key", "token")):
                        assert set(entry["valueFrom"]) == {"secretKeyRef"}, entry


def test_what_ronde_calls_a_secret_comes_from_a_secret(rendered: list[Object]) -> None:
    secrets = {
        variable(setting)
        for setting in (
            *(("kafka", name) for name in ("sasl.password", "ssl.key.password")),
            ("postgres", "password"),
            ("receiver", "wrapping_key"),
            *(("web", name) for name in ("session_key", "oidc_client_secret")),
        )
        if is_secret(setting)
    }
    seen = set()
    for one in pods(rendered):
        for container in one.containers:
            for entry in container.get("env", []):
                if entry["name"] in secrets:
                    seen.add(entry["name"])
                    assert "value" not in entry
                    assert set(entry["valueFrom"]) == {"secretKeyRef"}
    assert "RONDE_POSTGRES__PASSWORD" in seen


def test_ronde_takes_the_settings_that_every_container_is_given(rendered: list[Object], tmp_path: Path) -> None:
    loaded = {}
    for one in pods(rendered):
        for container in one.containers:
            if "env" in container:
                environ = dict(environment(one, container, tmp_path))
                loaded[one.component, container["name"]] = load(None, environ, WholeSettings)
                told = {name for name in environ if name.startswith("RONDE_")}
                assert len(loaded[one.component, container["name"]]._given) == len(told)
    jobs = 3 + len(pod(rendered, "migrations").containers)  # two of the topics, and that of the test
    assert len(loaded) == jobs + len(paged(rendered))
    worker, sink = loaded["worker", "worker"].worker, loaded["sink", "sink"].sink
    assert (worker.id, worker.host, worker.port) == ("ronde-worker-0", "0.0.0.0", 6066)
    assert (sink.id, sink.host, sink.port) == ("ronde-sink-0", "0.0.0.0", 6067)
    folders = [(worker.data_dir, "worker"), (sink.data_dir, "sink")]
    if "receiver" in paged(rendered):
        receiver = loaded["receiver", "receiver"].receiver
        assert (receiver.id, receiver.host, receiver.tcp_port) == ("ronde-receiver-0", "0.0.0.0", 6070)
        assert (receiver.pages_host, receiver.pages_port, receiver.http_port) == ("0.0.0.0", 6068, 6071)
        tls_context(receiver)  # its certificate, its key and its authorities are files that fit
        folders.append((receiver.data_dir, "receiver"))
        for name in WEB:
            edge = getattr(loaded[name, name], name)
            assert (edge.id, edge.host, edge.port) == (f"ronde-{name}-0", "0.0.0.0", WEB[name])
            assert (edge.pages_host, edge.pages_port) == ("0.0.0.0", PAGED[name])
            folders.append((edge.data_dir, name))
    for folder, name in folders:
        container = pod(rendered, name).container(name)
        (mount,) = [mount for mount in container["volumeMounts"] if mount["mountPath"] == str(folder)]
        assert mount["name"] == "data"


EXTRAS: Final[dict[str, list[dict[str, Any]]]] = {
    "extraEnv": [
        {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
        {"name": "RONDE_KAFKA__SSL_KEY_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "word"}}},
    ],
    "extraVolumes": [{"name": "keytab", "secret": {"secretName": "keytab"}}],
    "extraVolumeMounts": [{"name": "keytab", "mountPath": "/etc/keytab", "readOnly": True}],
}


def test_variables_and_volumes_of_ones_own_reach_every_container_of_ronde(tmp_path: Path) -> None:
    values = dict.fromkeys(("worker", "sink", "jobs"), EXTRAS) | {
        "receiver": {"enabled": True, **EXTRAS},
        **{component: {"enabled": True, "sessionKeySecret": {"name": "session"}, **EXTRAS} for component in WEB},
    }
    for one in pods(objects(text(SETS["one-zone"], write(tmp_path, values)))):
        assert EXTRAS["extraVolumes"][0] in one.spec["volumes"]
        for container in one.containers:
            if "env" in container:
                assert container["env"][-2:] == EXTRAS["extraEnv"]
                assert container["volumeMounts"][-1:] == EXTRAS["extraVolumeMounts"]


def test_user_and_group_can_be_left_to_the_cluster(tmp_path: Path) -> None:
    for one in pods(objects(text(SETS["one-zone"], write(tmp_path, {"podSecurity": {"fixedIds": False}})))):
        security = one.spec["securityContext"]
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & security.keys()
        assert security["runAsNonRoot"] is True


def test_postgresql_is_verified_by_the_systems_authorities_without_another(tmp_path: Path) -> None:
    found = objects(text(SETS["one-zone"], write(tmp_path, {"postgres": {"sslmode": "verify-full"}})))
    for component in ("sink", "migrations"):
        (container,) = pod(found, component).containers
        told = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert told["RONDE_POSTGRES__SSLROOTCERT"] == "system"
    assert "SSLROOTCERT" not in text(SETS["one-zone"])


def test_three_zones_speak_tls_to_all_with_a_user_for_each_kind_of_work() -> None:
    found = objects(text(SETS["three-zones"]))
    users = {}
    for one in pods(found):
        for container in one.containers:
            told = {entry["name"]: entry for entry in container.get("env", [])}
            if "RONDE_KAFKA__BOOTSTRAP_SERVERS" in told:
                assert told["RONDE_KAFKA__SECURITY_PROTOCOL"]["value"] == "SASL_SSL"
                assert told["RONDE_KAFKA__SASL_MECHANISM"]["value"] == "SCRAM-SHA-512"
                assert told["RONDE_KAFKA__SSL_CA_LOCATION"]["value"] == "/etc/ronde/kafka-ca/ca.crt"
                users[one.component] = told["RONDE_KAFKA__SASL_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"]
            if "RONDE_POSTGRES__HOST" in told:
                assert told["RONDE_POSTGRES__SSLMODE"]["value"] == "verify-full"
    named = {**{component: component for component in PAGED}, "topics": "admin", "test": "admin"}
    assert users == {component: f"ronde-kafka-{user}" for component, user in named.items()}


def test_a_container_is_given_nothing_that_it_has_no_use_for() -> None:
    found = objects(text(SETS["three-zones"]))
    told = {
        one.component: {
            entry["name"].split("__")[0] for container in one.containers for entry in container.get("env", [])
        }
        for one in pods(found)
    }
    assert "RONDE_POSTGRES" not in told["worker"] | told["topics"] | told["test"]
    assert "RONDE_SINK" not in told["worker"]
    assert not {"RONDE_WORKER", "RONDE_PROCEDURES"} & (told["sink"] | told["receiver"])
    assert not {"RONDE_POSTGRES", "RONDE_SINK"} & told["receiver"]
    assert not {"RONDE_POSTGRES", "RONDE_RECEIVER", "RONDE_SINK", "RONDE_WORKER"} & told["desk"]
    assert not {"RONDE_SINK", "RONDE_WORKER"} & (told["portal"] | told["partners"])
    for component in told.keys() - {"receiver", *WEB}:
        assert not {"RONDE_RECEIVER", "RONDE_WEB"} & told[component]
    assert "RONDE_RECEIVER__WRAPPING_KEY" in text(SETS["three-zones"])
    assert told["migrations"] == {"RONDE_POSTGRES"}
    assert "env" not in pod(found, "test").container("ready")


def test_a_large_number_is_written_as_a_whole_one(tmp_path: Path) -> None:
    large = {"settings": {"worker": {"session_timeout_ms": 1_800_000}}, "kafka": {"properties": {"linger.ms": 5}}}
    worker = pod(objects(text(SETS["one-zone"], write(tmp_path, large))), "worker").container("worker")
    told = {entry["name"]: entry.get("value") for entry in worker["env"]}
    assert told["RONDE_WORKER__SESSION_TIMEOUT_MS"] == "1800000"
    assert told["RONDE_KAFKA__LINGER_MS"] == "5"


def test_a_worker_keeps_its_name_and_waits_for_no_other(rendered: list[Object]) -> None:
    workers = of_kind(rendered, "StatefulSet")["ronde-worker"]
    assert workers["spec"]["podManagementPolicy"] == "Parallel"
    assert workers["spec"]["updateStrategy"] == {"type": "RollingUpdate"}
    assert workers["spec"]["serviceName"] in of_kind(rendered, "Service")
    for component in paged(rendered):
        (entry,) = [
            entry
            for entry in pod(rendered, component).container(component)["env"]
            if entry["name"] == f"RONDE_{component.upper()}__ID"
        ]
        assert entry["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_who_is_told_to_go_has_the_time_to_drain(rendered: list[Object]) -> None:
    drains = {
        "worker": streams.worker.worker._DRAIN_SECONDS + streams.worker.worker._LEAVE_SECONDS,
        "sink": sinks.process.run._STOP_SECONDS,
        "receiver": edges.receiver.process.STOP_SECONDS,
        **dict.fromkeys((*WEB, "watchdog"), PROCESS_STOP_SECONDS),
        "seal": seal.process.STOP_SECONDS,
    }
    assert drains["worker"] <= 5
    for component in paged(rendered):
        one = pod(rendered, component)
        hook = one.container(component).get("lifecycle", {"preStop": {"sleep": {"seconds": 0}}})["preStop"]
        grace = one.spec["terminationGracePeriodSeconds"] - hook["sleep"]["seconds"]
        assert grace >= drains[component] * 1.5


EXCLUDED: Final = {
    "receiver": "/ready?exclude=keys&exclude=signals&exclude=transmitters",
    "desk": "/ready?exclude=view",
    "portal": "/ready?exclude=readiness",
    "partners": "/ready?exclude=kafka&exclude=registry",
}


def test_the_probes_ask_for_progress_and_leave_a_restore_alone(rendered: list[Object]) -> None:
    for component in paged(rendered):
        container = pod(rendered, component).container(component)
        assert container["ports"][0] == {"name": "pages", "containerPort": PAGED[component]}
        paths = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
        # /health is 200 while a partition is restored (tests/kafka/test_worker.py), /ready is not. What concerns
        # some panels only (a key that does not open, a partition without a leader) must not cut off all the others.
        ready = EXCLUDED.get(component, "/ready")
        assert paths == {
            "startupProbe": {"path": "/health", "port": "pages"},
            "livenessProbe": {"path": "/health", "port": "pages"},
            "readinessProbe": {"path": ready, "port": "pages"},
        }
        live, start = container["livenessProbe"], container["startupProbe"]
        stall = load(None, {}).worker.stall_seconds
        assert live["periodSeconds"] * live["failureThreshold"] >= 3 * stall
        assert start["periodSeconds"] * start["failureThreshold"] >= 60


def test_seconds_of_probes_are_never_cut_short(tmp_path: Path) -> None:
    odd = {"worker": {"startupSeconds": 61, "livenessSeconds": 61}}
    container = pod(objects(text(SETS["one-zone"], write(tmp_path, odd))), "worker").container("worker")
    assert (container["startupProbe"]["failureThreshold"], container["livenessProbe"]["failureThreshold"]) == (31, 7)


def test_pods_are_spread_over_zones_and_hosts(rendered: list[Object]) -> None:
    for component in paged(rendered):
        revision = "controller-revision-hash" if component == "worker" else "pod-template-hash"
        one = pod(rendered, component)
        constraints = {each["topologyKey"]: each for each in one.spec["topologySpreadConstraints"]}
        assert constraints.keys() == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        for each in constraints.values():
            assert each["maxSkew"] == 1
            assert each["matchLabelKeys"] == [revision]
            assert each["labelSelector"]["matchLabels"].items() <= one.labels.items()


def test_three_zones_are_never_less_than_three() -> None:
    one = pod(objects(text(SETS["three-zones"])), "worker")
    zones = {each["topologyKey"]: each["whenUnsatisfiable"] for each in one.spec["topologySpreadConstraints"]}
    assert zones["topology.kubernetes.io/zone"] == "DoNotSchedule"


def test_one_pod_of_a_kind_may_be_evicted_at_a_time(rendered: list[Object]) -> None:
    for component in paged(rendered):
        budget = of_kind(rendered, "PodDisruptionBudget")[f"ronde-{component}"]["spec"]
        assert budget["maxUnavailable"] == 1
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        assert budget["selector"]["matchLabels"].items() <= pod(rendered, component).labels.items()


def test_topics_come_before_workers_and_migrations_before_sinks(rendered: list[Object]) -> None:
    weights = {}
    for one in rendered:
        annotations = one["metadata"].get("annotations", {})
        if annotations.get("helm.sh/hook") == "pre-install,pre-upgrade":
            weights[one["kind"], one["metadata"]["name"]] = int(annotations["helm.sh/hook-weight"])
            assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    assert sorted(weights, key=lambda hook: (weights[hook], hook)) == [
        ("NetworkPolicy", "ronde-migrations"),
        ("NetworkPolicy", "ronde-topics"),
        ("Job", "ronde-topics"),
        ("Job", "ronde-migrations"),
    ]
    # What is needed before the release is there must not be of the release.
    for component in JOBS:
        assert "serviceAccountName" not in pod(rendered, component).spec
    for workload in [*of_kind(rendered, "StatefulSet").values(), *of_kind(rendered, "Deployment").values()]:
        assert "annotations" not in workload["metadata"]


def test_the_jobs_run_the_commands_of_ronde_and_give_up_before_helm_does(rendered: list[Object]) -> None:
    topics, migrations = pod(rendered, "topics"), pod(rendered, "migrations")
    assert [container["args"] for container in topics.containers] == [["topics", "create"], ["topics", "check"]]
    assert [each["name"] for each in topics.spec["initContainers"]] == ["create"]
    assert ["ledger", "migrate"] in [container["args"] for container in migrations.containers]
    for job in of_kind(rendered, "Job").values():
        assert job["spec"]["activeDeadlineSeconds"] < 300


@pytest.mark.parametrize(
    "arguments",
    [
        *([component] for component in PAGED),
        *(["topics", command] for command in ("create", "check")),
        *([database, "migrate"] for database in ("ledger", "portal", "partners")),
    ],
)
def test_these_commands_exist(arguments: list[str], run: Any) -> None:
    assert run(*arguments, "--help").exit == 0


def test_without_a_ledger_nothing_of_it_is_there(tmp_path: Path) -> None:
    found = objects(text(SETS["one-zone"], write(tmp_path, {"sink": {"enabled": False}})))
    names = {one["metadata"]["name"] for one in found}
    assert names == {"ronde", "ronde-worker", "ronde-topics", "ronde-test"}
    assert "POSTGRES" not in str(found)


def test_topics_made_by_others_are_only_checked(tmp_path: Path) -> None:
    found = objects(text(SETS["one-zone"], write(tmp_path, {"topics": {"create": False}})))
    assert [container["args"] for container in pod(found, "topics").containers] == [["topics", "check"]]
