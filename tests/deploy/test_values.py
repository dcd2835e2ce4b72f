"""What the chart takes: its README documents every value, and an unknown value is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ronde.shared.whole_settings import WholeSettings
from streams.settings.checks import leaves
from streams.settings.sources import variable
from tests.deploy import settings_schema
from tests.deploy.chart import CHART, PAGED, SETS, WEB, RefusedError, objects, pod, text, write

SCHEMA_FILE: Final = CHART / "values.schema.json"
VALUES: Final = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
README: Final = (CHART / "README.md").read_text("utf-8")
ONE_ZONE: Final = SETS["one-zone"]
pytestmark = pytest.mark.slow  # most start helm


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA_FILE.read_text("utf-8"))
    return found


def tables(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every table of values, with its path."""
    yield path, tree
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from tables(value, (*path, name))


def plain(tree: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is no table with values in it, with its path."""
    for path, table in tables(tree):
        yield from (((*path, name), value) for name, value in table.items() if not (isinstance(value, dict) and value))


def dotted(path: tuple[str, ...]) -> str:
    return ".".join(path)


# Tables of names that the user chooses.
FREE: Final = frozenset(
    {
        "monitoring.dashboards.labels",
        "networkPolicy.dns.to.0.namespaceSelector.matchLabels",
    }
)


def refusal(values: Mapping[str, Any], folder: Path, generation: str = "helm") -> str:
    """What Helm says of values that it refuses."""
    with pytest.raises(RefusedError) as refused:
        text(ONE_ZONE, write(folder, values), generation=generation)
    return str(refused.value)


@pytest.mark.parametrize("generation", ["helm3", "helm"])
def test_an_unknown_value_is_refused_wherever_it_stands(generation: str, tmp_path: Path) -> None:
    unknown: dict[str, Any] = {}
    places = [path for path, _ in tables(VALUES) if dotted(path) not in FREE]
    free = {"labels", "annotations", "nodeSelector", "podLabels", "podAnnotations", "properties"}
    places = [path for path in places if not free & set(path)]
    for path in places:
        table = unknown
        for name in path:
            table = table.setdefault(name, {})
        table["unknown"] = True
    said = refusal(unknown, tmp_path, generation)
    pattern = {"helm": r"at '/?(.*)': additional properties 'unknown'", "helm3": r"- (.*): Additional property unknown"}
    named = {found.replace("/", ".") for found in re.findall(pattern[generation], said)}
    assert {"" if name == "(root)" else name for name in named} == {dotted(path) for path in places}
    assert len(places) > 40


def test_what_is_of_the_wrong_type_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {}
    places = {path: value for path, value in plain(VALUES) if dotted(path[:-1]) not in FREE}
    for path, value in places.items():
        table = wrong
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = "text" if isinstance(value, dict) else {"a": "table"}
    # Helm itself keeps a text from taking a table's place; the others are the schema's to refuse.
    said = refusal(wrong, tmp_path)
    named = {found.replace("/", ".") for found in re.findall(r"at '/(.*?)': got \w+, want", said)}
    assert {dotted(path) for path, value in places.items() if not isinstance(value, dict)} <= named


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"worker": {"replicas": "two"}}, "at '/worker/replicas': got string, want integer"),
        ({"worker": {"replicas": -1}}, "at '/worker/replicas': minimum"),
        ({"worker": {"terminationGracePeriodSeconds": 5}}, "terminationGracePeriodSeconds': minimum: got 5, want 10"),
        ({"kafka": {"securityProtocol": "TLS"}}, "at '/kafka/securityProtocol': value must be one of"),
        ({"kafka": {"properties": {"sasl.password": "x"}}}, "additional properties 'sasl.password' not allowed"),
        ({"kafka": {"properties": {"acks": "1"}}}, "additional properties 'acks' not allowed"),
        ({"registry": {"url": "http://name:word@registry"}}, "at '/registry/url'"),
        ({"image": {"digest": "sha256:abc"}}, "at '/image/digest'"),
        ({"settings": {"worker": {"id": "me"}}}, "additional properties 'id' not allowed"),
        ({"settings": {"receiver": {"wrapping_key": "x"}}}, "additional properties 'wrapping_key' not allowed"),
        ({"settings": {"web": {"session_key": "x"}}}, "additional properties 'session_key' not allowed"),
        ({"receiver": {"service": {"type": "ExternalName"}}}, "at '/receiver/service/type': value must be one of"),
        ({"settings": {"worker": {"chunk_max": 0}}}, "at '/settings/worker/chunk_max': minimum"),
        ({"settings": {"postgres": {"password": "x"}}}, "additional properties 'postgres' not allowed"),
        ({"postgres": {"password": "x"}}, "additional properties 'password' not allowed"),
        ({"worker": {"resources": {"limits": {"memory": "much"}}}}, "at '/worker/resources/limits/memory'"),
        ({"networkPolicy": {"kafka": {"to": [{"any": {}}]}}}, "at '/networkPolicy/kafka/to/0'"),
        ({"spread": {"zones": "Always"}}, "at '/spread/zones'"),
        ({"worker": {"extraVolumes": [{"name": "data", "emptyDir": {}}]}}, "at '/worker/extraVolumes/0/name'"),
        ({"sink": {"extraEnv": [{"name": "A", "val": "b"}]}}, "at '/sink/extraEnv/0'"),
    ],
)
def test_a_wrong_value_is_refused_by_name(value: dict[str, Any], why: str, tmp_path: Path) -> None:
    said = refusal(value, tmp_path)
    assert why in said, said
    assert "word" not in said.replace("Password", "").replace("password", "") or "registry" in value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"kafka": {"bootstrapServers": ""}}, "kafka.bootstrapServers: name the brokers"),
        ({"kafka": {"securityProtocol": "SASL_SSL"}}, "kafka.users.worker.secret: name the Secret"),
        ({"postgres": {"host": ""}}, "postgres.host: name the server of the ledger"),
        (
            {"postgres": {"ca": {"secret": "a", "configMap": "b"}}},
            "postgres.ca: name a configMap or a secret, not both",
        ),
        (
            {"receiver": {"enabled": True}, "settings": {"receiver": {"tls_port": 6073}}},
            "receiver.tls.secret: name the Secret with tls.crt and tls.key",
        ),
        ({"postgres": {"sslmode": "verify-ca"}}, "postgres.ca: name the authority"),
        (
            {"partners": {"enabled": True, "usersSecret": {"name": "a"}}},
            "partners.sessionKeySecret.name: name the Secret with the key that signs sessions",
        ),
        (
            {"partners": {"enabled": True}, "settings": {"web": {"oidc_issuer": "https://sign-in.example"}}},
            "partners.sessionKeySecret.name: name the Secret with the key that signs sessions",
        ),
        (
            {"worker": {"extraEnv": [{"name": "RONDE_WORKER__PORT", "value": "1"}]}},
            "extraEnv: RONDE_WORKER__PORT is set by the chart",
        ),
    ],
)
def test_what_is_missing_is_told(value: dict[str, Any], why: str, tmp_path: Path) -> None:
    if why.startswith("kafka.users"):  # of several that are missing, any may be named first
        value["kafka"]["users"] = {user: {"secret": "a"} for user in ("sink", "admin")}
    assert why in refusal(value, tmp_path)


def test_every_table_of_the_schema_is_closed() -> None:
    open_ones = []
    free = schema()["definitions"]

    def look(part: Any, path: str) -> None:
        if isinstance(part, dict):
            if part.get("type") == "object" and part.get("additionalProperties") is not False:
                open_ones.append(path)
            for name, inner in part.items():
                look(inner, f"{path}/{name}")

    look(schema(), "")
    # Maps of names that are the user's; and what Helm itself puts into the values of every chart.
    # A volume is Kubernetes' own, of many kinds.
    assert open_ones == [
        "/properties/global", "/definitions/labels", "/definitions/annotations", "/definitions/volume"
    ]  # fmt: skip
    for name in ("labels", "annotations"):
        assert free[name]["additionalProperties"]["type"] == "string"


def test_the_settings_are_those_of_ronde(request: pytest.FixtureRequest) -> None:
    expected = settings_schema.settings()
    names = {name: {"$ref": "#/definitions/property"} for name in settings_schema.kafka_properties()}
    found = schema()
    if request.config.getoption("rewrite"):
        found["properties"]["settings"] = expected
        found["properties"]["kafka"]["properties"]["properties"]["properties"] = names
        SCHEMA_FILE.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    hint = "`pytest tests/deploy/test_values.py --rewrite` writes them again"
    assert found["properties"]["settings"] == expected, hint
    assert found["properties"]["kafka"]["properties"]["properties"]["properties"] == names, hint
    sslmodes = settings_schema.one("postgres", "sslmode")["enum"]
    assert found["properties"]["postgres"]["properties"]["sslmode"]["enum"] == sslmodes


def test_every_setting_may_be_given(tmp_path: Path) -> None:
    values: dict[str, Any] = {}
    told = set()
    for table, part in settings_schema.settings()["properties"].items():
        for path, setting in settings(part, (table,)):
            here = values
            for name in path[:-1]:
                here = here.setdefault(name, {})
            here[path[-1]] = sample(setting)
            told.add("RONDE_" + "__".join(path).upper())
    assert told == {
        variable(setting)
        for setting, _ in leaves(WholeSettings, ())
        if setting[0] not in settings_schema.OWN_TABLES
        and setting[-1] not in settings_schema.OWN_SETTINGS.get(setting[0], ())
    }
    receiver = {"enabled": True, "tls": {"secret": "panels"}}
    seal = {"enabled": True, "keySecret": {"name": "seal"}}
    web = {component: {"enabled": True, "sessionKeySecret": {"name": "session"}} for component in WEB}
    running = {"receiver": receiver, "watchdog": {"enabled": True}, "seal": seal, **web}
    found = objects(text(ONE_ZONE, write(tmp_path, {"settings": values, **running})))
    given = {
        entry["name"] for component in PAGED for entry in pod(found, component).containers[0]["env"] if "value" in entry
    }
    assert told <= given


def settings(part: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if "properties" not in part:
        yield path, part
    for name, inner in part.get("properties", {}).items():
        yield from settings(inner, (*path, name))


def sample(setting: Mapping[str, Any]) -> Any:
    """Something that the setting may be."""
    kind = setting["type"][0] if isinstance(setting["type"], list) else setting["type"]
    samples = ("some", "https://some", "FR", "A1", "some:1")
    some = next(some for some in samples if re.search(setting.get("pattern", ""), some))
    return {
        "integer": setting.get("minimum", 1),
        "number": 1,
        "boolean": True,
        "string": setting.get("enum", [some])[0],
    }[kind]


def test_the_readme_tells_every_value_and_its_default() -> None:
    rows = re.findall(r"^\| `([\w.*]+)` \| (.*?) \| (.+?) \|$", README, re.MULTILINE)
    assert len(rows) == len({name for name, _, _ in rows})
    told = {name: default for name, default, _ in rows}
    expected = {
        re.sub(r"^kafka\.users\.\w+", "kafka.users.*", dotted(path)): shown(value) for path, value in told_apart(VALUES)
    }
    assert told == expected


def told_apart(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values that the README has a row for: tables that are Kubernetes' own have one row."""
    for name, value in tree.items():
        if isinstance(value, dict) and value and name not in {"resources", "labels"}:
            yield from told_apart(value, (*path, name))
        else:
            yield (*path, name), value


def shown(value: Any) -> str:
    """A default as the README writes it."""
    if value in ("", [], {}):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
