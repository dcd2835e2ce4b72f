"""Whom the pods may speak with: Kafka, the registry, PostgreSQL, DNS, the scraper; nobody else."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.deploy.chart import PAGED, SETS, WEB, Object, objects, of_kind, pods, text, write

pytestmark = pytest.mark.slow  # helm and promtool take their time

DNS: Final = {("UDP", 53), ("TCP", 53)}
PAGES: Final = ("TCP", "pages")


def rules(policy: Object, way: str) -> list[tuple[set[tuple[str, Any]], list[Any]]]:
    """The rules of one way: the ports, and who is at the other end (none: anybody)."""
    return [
        ({(port["protocol"], port["port"]) for port in rule["ports"]}, rule.get("to", rule.get("from", [])))
        for rule in policy["spec"].get(way, [])
    ]


def ports(policy: Object) -> set[tuple[str, Any]]:
    return set().union(*(ports for ports, _ in rules(policy, "egress")))


@pytest.mark.parametrize("name", SETS)
def test_every_pod_has_one_policy_for_both_ways(name: str) -> None:
    found = objects(text(SETS[name]))
    policies = of_kind(found, "NetworkPolicy").values()
    for one in pods(found):
        matching = [
            policy for policy in policies if policy["spec"]["podSelector"]["matchLabels"].items() <= one.labels.items()
        ]
        assert len(matching) == 1, one.component
        assert matching[0]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert all(policy["spec"]["podSelector"]["matchLabels"] for policy in policies)


def test_each_reaches_what_its_work_needs() -> None:
    policies = of_kind(objects(text(SETS["three-zones"])), "NetworkPolicy")
    kafka, registry, postgres, https = ("TCP", 9093), ("TCP", 8081), ("TCP", 5432), ("TCP", 443)
    reached = {name.removeprefix("ronde-"): ports(policy) - DNS for name, policy in policies.items()}
    assert reached == {
        "worker": {kafka, registry},
        "sink": {kafka, registry, postgres},
        "receiver": {kafka, registry},
        "desk": {kafka, registry, https},
        "portal": {kafka, registry, postgres, https},
        "partners": {kafka, registry, postgres, https},
        "watchdog": {kafka, registry, https, ("TCP", 6070)},
        "seal": {kafka, registry, postgres, https},
        "topics": {kafka},
        "migrations": {postgres},
        "test": {kafka, PAGES},
    }
    assert all(ports(policy) >= DNS for policy in policies.values())


def test_three_zones_reach_no_other_address() -> None:
    for policy in of_kind(objects(text(SETS["three-zones"])), "NetworkPolicy").values():
        assert all(to for _, to in rules(policy, "egress")), policy["metadata"]["name"]


def test_the_pages_are_for_prometheus_and_for_the_test() -> None:
    found = objects(text(SETS["three-zones"]))
    policies = of_kind(found, "NetworkPolicy")
    (test,) = [one for one in pods(found) if one.component == "test"]
    for component in PAGED:
        (admitted, who), *others = rules(policies[f"ronde-{component}"], "ingress")
        assert bool(others) == (component not in {"worker", "sink", "watchdog", "seal"})
        assert admitted == {PAGES}
        tester, prometheus = who
        assert tester["podSelector"]["matchLabels"].items() <= test.labels.items()
        assert prometheus == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    for component in ("topics", "migrations", "test"):
        assert rules(policies[f"ronde-{component}"], "ingress") == []


def test_without_scrapers_nobody_but_the_test_reads_the_pages(tmp_path: Any) -> None:
    values = write(tmp_path, {"networkPolicy": {"scrapers": []}})
    for component in ("worker", "sink"):
        policy = of_kind(objects(text(SETS["one-zone"], values)), "NetworkPolicy")[f"ronde-{component}"]
        ((_, who),) = rules(policy, "ingress")
        assert len(who) == 1  # an empty list would be everybody


def test_without_a_registry_its_port_is_closed() -> None:
    policies = of_kind(objects(text(SETS["one-zone"])), "NetworkPolicy")
    assert ports(policies["ronde-worker"]) - DNS == {("TCP", 9092)}


def test_the_port_of_postgresql_is_that_of_the_setting(tmp_path: Any) -> None:
    values = write(tmp_path, {"postgres": {"port": 6432}})
    policies = of_kind(objects(text(SETS["one-zone"], values)), "NetworkPolicy")
    assert ("TCP", 6432) in ports(policies["ronde-sink"])


def test_the_policies_may_be_left_out(tmp_path: Any) -> None:
    values = write(tmp_path, {"networkPolicy": {"enabled": False}})
    assert of_kind(objects(text(SETS["one-zone"], values)), "NetworkPolicy") == {}


def test_a_receiver_takes_panels_from_anywhere_and_http_from_whom_the_values_name(tmp_path: Any) -> None:
    def incoming(*values: Any) -> list[tuple[set[tuple[str, Any]], list[Any]]]:
        policies = of_kind(objects(text(SETS["three-zones"], *values)), "NetworkPolicy")
        return rules(policies["ronde-receiver"], "ingress")[1:]

    ingress = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    assert incoming() == [({("TCP", "tcp"), ("TCP", "tls")}, []), ({("TCP", "http")}, ingress)]
    line = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    values = {"settings": {"receiver": {"udp_port": 6072}}, "networkPolicy": {"receiver": {"panels": line, "http": []}}}
    panels, http = incoming(write(tmp_path, values))
    assert panels == ({("TCP", "tcp"), ("UDP", "udp"), ("TCP", "tls")}, line)
    assert http == ({("TCP", "http")}, [])


def test_desk_portal_and_partners_are_reached_by_whom_the_values_name() -> None:
    policies = of_kind(objects(text(SETS["three-zones"])), "NetworkPolicy")
    ingress = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    for component in WEB:
        assert rules(policies[f"ronde-{component}"], "ingress")[1:] == [({("TCP", "web")}, ingress)]
