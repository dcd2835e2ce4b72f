"""The parts of values.schema.json that follow from ronde's own settings: what a setting is called, what it may be."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ronde.shared.whole_settings import WholeSettings
from service.client_properties import PROPERTIES, SECRETS

# What the chart sets itself, from values of its own or from what it makes; and tables of processes it does not run.
OWN_TABLES: Final = frozenset({"kafka", "postgres", "registry"})
_PAGES: Final = frozenset({"id", "host", "port", "data_dir"})
_WEB: Final = _PAGES | {"public_url", "pages_host", "pages_port"}
OWN_SETTINGS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "worker": _PAGES,
        "sink": _PAGES,
        "desk": _WEB,
        "portal": _WEB,
        "partners": _WEB,
        "receiver": frozenset(
            {
                "id", "host", "tcp_port", "http_port", "pages_host", "pages_port", "data_dir",
                "wrapping_key", "tls_certificate", "tls_key", "tls_client_ca",
            }
        ),
        "watchdog": frozenset(
            {"id", "pages_host", "pages_port", "data_dir", "webhook_secret", "ping_url", "canary_key"}
        ),
        "seal": frozenset({"id", "pages_host", "pages_port", "data_dir", "key_file"}),
        "web": frozenset({"tokens_file", "users_file", "session_key", "oidc_client_secret"}),
    }
)  # fmt: skip
OWN_PROPERTIES: Final = frozenset(
    {
        "bootstrap.servers", "security.protocol", "sasl.mechanism", "sasl.username",
        "ssl.ca.location", "ssl.certificate.location", "ssl.key.location",
    }
)  # fmt: skip


def settings() -> dict[str, Any]:
    """The schema of the value ``settings``: every setting but those that the chart sets itself."""
    whole = _whole()
    tables = {name: part for name, part in whole["properties"].items() if name not in OWN_TABLES}
    return _section(tables, whole["$defs"])


def one(table: str, name: str) -> dict[str, Any]:
    """The schema of one setting, also of those that the chart sets itself."""
    whole = _whole()
    return _one(name, _one(table, whole["properties"][table], whole["$defs"])["properties"][name], whole["$defs"])


def kafka_properties() -> list[str]:
    """The names that the value ``kafka.properties`` may have: no secrets, and nothing that has a value of its own."""
    return sorted(PROPERTIES - SECRETS - OWN_PROPERTIES)


def _whole() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a default that is no JSON is left out, and so are all of them here
        return WholeSettings.model_json_schema(by_alias=True)


def _section(properties: Mapping[str, Any], definitions: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    own = OWN_SETTINGS.get(name, frozenset())
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: _one(key, part, definitions) for key, part in properties.items() if key not in own},
    }


def _one(name: str, part: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        part = definitions[part["$ref"].rpartition("/")[2]]
    if "properties" in part:
        return _section(part["properties"], definitions, name)
    plain = {key: value for key, value in part.items() if key not in {"title", "default", "anyOf", "format"}}
    for alternative in part.get("anyOf", []):  # something, or null
        if alternative["type"] != "null":
            plain |= {**alternative, "type": [alternative["type"], "null"]}
    return plain
