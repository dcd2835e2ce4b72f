"""`ronde schemas register`: the subjects of all topics in the registry, with what is promised (docs/registry.md)."""

from __future__ import annotations

from typing import Any

from ronde.shared.errors import Failed, WrongUse
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, print_value
from schemas.avro.errors import RegistryRefused, RegistryUnreachable
from schemas.avro.loader import load
from schemas.contract.promises import PROMISES
from schemas.contract.topics import TOPICS
from service.registry import Registry, client


def register(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Register the schema of every topic with the schema registry, and set the compatibility that is promised for it.

    Run it before anybody else writes: a subject then has our schema first. What is there already stays.
    Exit 1 when the registry refuses something.
    """
    used = in_force(settings)
    if used.registry.url is None:
        raise WrongUse("registry.url is not set: there is no schema registry to register with")
    registered: list[dict[str, Any]] = []
    refusals: list[str] = []
    with client(used.registry) as connected:
        registry = Registry(connected, used.worker.data_dir)
        for topic in TOPICS.values():
            if topic.schema is None or topic.way == "own":
                continue  # dead letters are kept as they came; states never have a registry's id
            subject, promise = f"{used.topic(topic.name)}-value", PROMISES[topic.schema]
            try:
                schema_id = registry.register(subject, load(topic.schema))
                registry.set_compatibility(subject, promise)
            except RegistryRefused as error:
                refusals.append(str(error))
            except RegistryUnreachable as error:
                raise Failed(f"{error} (registry.url)") from None
            else:
                registered.append(
                    {"subject": subject, "schema": topic.schema, "id": schema_id, "compatibility": promise}
                )
    if as_json:
        print_value({"registered": registered, "refused": refusals})
    else:
        _print(registered)
    if refusals:
        raise Failed("\n".join([f"{len(refusals)} refused:", *(f"  {refusal}" for refusal in refusals)]))


def _print(registered: list[dict[str, Any]]) -> None:
    table = Listing("subject", "schema", "id", "compatibility")
    for row in registered:
        table.add_row(*map(str, row.values()))
    Terminal().print(table)
