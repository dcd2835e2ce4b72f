"""What the pods of receiver, desk, portal and partners listen on, and how others reach them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.chart import SETS, WEB, objects, of_kind, pod, pods, text, write
from tests.deploy.test_pods import MUTUAL

pytestmark = pytest.mark.slow  # helm takes its time


def test_receivers_listen_for_panels_and_http_each_behind_a_service_of_its_own(tmp_path: Path) -> None:
    found = objects(text(SETS["one-zone"], write(tmp_path, MUTUAL)))
    listens = pod(found, "receiver").container("receiver")["ports"][1:]
    assert {(port["name"], port["containerPort"], port["protocol"]) for port in listens} == {
        ("tcp", 6070, "TCP"), ("udp", 6072, "UDP"), ("tls", 6073, "TCP"), ("http", 6071, "TCP")
    }  # fmt: skip
    services = of_kind(found, "Service")
    panels, http = services["ronde-receiver-panels"]["spec"], services["ronde-receiver-http"]["spec"]
    assert {(port["name"], port["port"]) for port in panels["ports"]} == {("tcp", 6070), ("udp", 6072), ("tls", 6073)}
    assert [(port["name"], port["port"]) for port in http["ports"]] == [("http", 6071)]
    # Limits are per address, so the panels' addresses must arrive; and tokens never leave the cluster in clear.
    assert (panels["type"], panels["externalTrafficPolicy"]) == ("NodePort", "Local")
    assert http.keys() == {"selector", "ports"}
    for service in (panels, http):
        assert service["selector"].items() <= pod(found, "receiver").labels.items()
        assert {port["targetPort"] for port in service["ports"]} <= {port["name"] for port in listens}
    strategy = of_kind(found, "Deployment")["ronde-receiver"]["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_people_reach_desk_portal_and_partners_by_tls_and_each_knows_its_address() -> None:
    found = objects(text(SETS["three-zones"]))
    for component, port in WEB.items():
        service = of_kind(found, "Service")[f"ronde-{component}-web"]["spec"]
        assert service["ports"] == [{"name": "web", "port": port, "targetPort": "web"}]
        assert service["selector"].items() <= pod(found, component).labels.items()
        ingress = of_kind(found, "Ingress")[f"ronde-{component}"]["spec"]
        host = f"{component}.example"
        assert ingress["tls"] == [{"hosts": [host], "secretName": f"{component}-tls"}]
        (rule,) = ingress["rules"]
        backend = rule["http"]["paths"][0]["backend"]["service"]
        assert (rule["host"], backend) == (host, {"name": f"ronde-{component}-web", "port": {"name": "web"}})
        told = {entry["name"]: entry.get("value") for entry in pod(found, component).container(component)["env"]}
        assert told[f"RONDE_{component.upper()}__PUBLIC_URL"] == f"https://{host}"


def test_the_databases_of_all_that_run_are_migrated(tmp_path: Path) -> None:
    def arguments(*over: Path) -> list[list[str]]:
        return [
            container["args"] for container in pod(objects(text(SETS["three-zones"], *over)), "migrations").containers
        ]

    ours = [["ledger", "migrate"], ["partners", "migrate"], ["portal", "migrate"]]
    assert sorted(arguments()) == ours
    assert sorted(arguments(write(tmp_path, {"sink": {"enabled": False}}))) == ours[1:]
    none = {component: {"enabled": False} for component in ("sink", "portal", "partners")}
    assert "migrations" not in {
        one.component for one in pods(objects(text(SETS["three-zones"], write(tmp_path, none))))
    }


def test_without_ports_for_udp_and_tls_a_receiver_needs_no_certificate(tmp_path: Path) -> None:
    found = objects(text(SETS["one-zone"], write(tmp_path, {"receiver": {"enabled": True}})))
    one = pod(found, "receiver")
    assert {port["name"] for port in one.container("receiver")["ports"]} == {"pages", "tcp", "http"}
    assert {volume["name"] for volume in one.spec["volumes"]} == {"data", "tmp"}
    assert of_kind(found, "Service")["ronde-receiver-panels"]["spec"]["type"] == "ClusterIP"
