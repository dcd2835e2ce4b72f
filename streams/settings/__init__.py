"""The settings in force: read from a TOML file and the environment, checked, and listed (contracts.md, Settings).

The environment wins over the file. One error names everything that is wrong. A secret value is in no message,
listing or ``repr``; the clients get it through `Settings.client`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, TypeVar, overload

from pydantic import BaseModel, Field, PrivateAttr, StringConstraints, ValidationError

from schemas.contract.topics import TOPICS
from service.client_properties import PROPERTIES, Role, Value, of_role
from service.fields import Section
from service.registry_settings import RegistrySettings
from streams.escalation.procedures import DEFAULTS, Procedure, Procedures
from streams.settings.checks import (
    MASK,
    checked,
    disagreements,
    leaves,
    procedures_without_a_version,
    refused_properties,
    refused_sessions,
    refused_transactions,
)
from streams.settings.sections import (
    CanarySettings,
    LogSettings,
    ProcedureSettings,
    TopicSettings,
    WorkerSettings,
)
from streams.settings.sources import (
    KAFKA,
    REGISTRY_URL,
    Problem,
    Setting,
    SourceValue,
    dotted,
    read_environment,
    read_file,
)

LONGEST_PREFIX: Final = 249 - max(map(len, TOPICS))  # a topic's whole name has at most 249 characters
KAFKA_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType({"bootstrap.servers": "localhost:9092"})


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` names each thing that is wrong, and so does the message."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("the settings cannot be used:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


class ShownSetting(NamedTuple):
    """One setting in force, as it may be shown: its dotted name, its value or a mask, where it comes from."""

    name: str
    value: str | float | bool | None
    origin: str


class Settings(Section):
    """All settings."""

    prefix: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]*$", max_length=LONGEST_PREFIX)] = Field(
        default="ronde.", description="what stands before each topic's name: letters, digits, '.', '_', '-'"
    )
    kafka: Mapping[str, str] = Field(
        KAFKA_DEFAULTS, repr=False, description="librdkafka's properties, for every client"
    )
    topics: TopicSettings = TopicSettings()
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    registry: RegistrySettings = RegistrySettings()
    canary: CanarySettings = CanarySettings()
    log: LogSettings = LogSettings()
    procedure_settings: ProcedureSettings = Field(default=ProcedureSettings(), alias="procedures")

    _given: dict[Setting, SourceValue] = PrivateAttr(default_factory=dict)

    def client(self, role: Role) -> dict[str, Value]:
        """The librdkafka properties of a client of this role, secrets included: never log them."""
        return of_role(self.kafka, role)

    def require_transactions(self, timeout_ms: int | None = None) -> None:
        """Raise `SettingsError` when no producer can be made for transactions that end after so long.

        None: after `worker.transaction_timeout_ms`. Only processes that make one can tell: others are not told that.
        """
        setting = "worker.transaction_timeout_ms" if timeout_ms is None else None
        limit_ms = timeout_ms or self.worker.transaction_timeout_ms
        if problems := refused_transactions(self.kafka, limit_ms, setting, self._given):
            raise SettingsError(problems)

    def topic(self, name: str) -> str:
        """A topic's name on the broker."""
        return f"{self.prefix}{TOPICS[name].name}"

    def procedures(self) -> Procedures:
        """The procedures that incidents begin with."""
        sections = self.procedure_settings
        return {name: Procedure(name=name, **getattr(sections, name).model_dump()) for name in DEFAULTS}

    def shown(self) -> list[ShownSetting]:
        """Every setting in force with its origin, in the order of the tables; secrets masked."""
        return [self._shown(setting, value) for setting, value in _values(self, ())]

    def _shown(self, setting: Setting, value: object) -> ShownSetting:
        given = self._given.get(setting)
        plain = value if isinstance(value, str | int | float | None) else str(value)
        if given and given.secret and plain is not None:
            plain = MASK
        elif setting == REGISTRY_URL and isinstance(plain, str):
            plain = re.sub(r"//.*@", f"//{MASK}@", plain)
        return ShownSetting(dotted(setting), plain, given.origin if given else "default")


S = TypeVar("S", bound=Settings)


@overload
def load(path: Path | None, environ: Mapping[str, str]) -> Settings: ...
@overload
def load(path: Path | None, environ: Mapping[str, str], kind: type[S]) -> S: ...
def load(path: Path | None, environ: Mapping[str, str], kind: type[Settings] = Settings) -> Settings:
    """The settings of a file (None: no file) and an environment (``os.environ``).

    ``kind`` is a class of settings that has more tables than these, those of other parts of the product.

    Raises `SettingsError` when the file cannot be read, a name is unknown, a value is not allowed, values of one table
    do not fit each other, or a procedure's value is replaced without a new version; it names all of them at once.
    """
    fields = dict(leaves(kind, ()))
    known = {*fields, *((KAFKA, name) for name in PROPERTIES)}
    sources = [read_file(path, known, environ)] if path else []
    sources.append(read_environment(environ, known))
    given = {setting: found for source in sources for setting, found in source.given.items()}
    problems = [problem for source in sources for problem in source.problems]

    tree: dict[str, Any] = {KAFKA: dict(KAFKA_DEFAULTS)}
    for setting, found in given.items():
        value = checked(setting, found, fields.get(setting))
        if isinstance(value, Problem):
            problems.append(value)
            continue
        table = tree
        for step in setting[:-1]:
            table = table.setdefault(step, {})
        table[setting[-1]] = value
    problems += procedures_without_a_version(tree.get("procedures", {}), given)
    problems += refused_properties(tree[KAFKA], given) or refused_sessions(tree, given)
    if problems:
        raise SettingsError(problems)
    try:
        settings = kind.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(disagreements(error, given)) from None  # pydantic's words quote values, secrets too
    settings._given.update(given)  # noqa: SLF001 - its own loader
    return settings


def _values(section: BaseModel, above: Setting) -> Iterator[tuple[Setting, Any]]:
    """Every setting below a table with its value, in order."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        setting = (*above, field.alias or name)
        if isinstance(value, BaseModel):
            yield from _values(value, setting)
        elif setting == (KAFKA,):
            yield from (((KAFKA, name), text) for name, text in value.items())
        else:
            yield setting, value
