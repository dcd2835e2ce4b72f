"""Where settings come from: the tables of a TOML file, the variables of an environment.

A setting's name is its path through the tables: ``("worker", "port")``. In ``kafka`` the second step is a whole
librdkafka name: ``("kafka", "linger.ms")``. Each reader returns the values of its source, and the mistakes in it.

The librdkafka names are kept by hand (`service.client_properties`): librdkafka lists its own to C programs only, and
among those that the worker must set itself. A test asks it about each name here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from service.client_properties import ALIASES, OWNED, PROPERTIES, SECRETS

Setting: TypeAlias = tuple[str, ...]

KAFKA: Final = "kafka"
SECRET_NAMES: Final = frozenset(
    {
        "password",
        "session_key",
        "oidc_client_secret",
        "wrapping_key",
        "webhook_secret",
        "ping_url",
        "canary_key",
    }
)
REGISTRY_URL: Final = ("registry", "url")
PREFIX: Final = "RONDE_"
# What Kubernetes puts into every pod beside a service called "ronde": addresses, not settings (NAME=VALUE).
_SERVICE_LINK: Final = re.compile(
    r"_SERVICE_HOST=|_SERVICE_PORT(_\w+)?=\d+$"
    r"|_PORT(_\d+_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://|_PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)="
)


class SourceValue(NamedTuple):
    """A setting as a source gives it.

    ``text`` is true when the source knows text only (``"8"`` may be a number), ``secret`` when it is never shown.
    """

    value: object
    origin: str
    text: bool
    secret: bool


class Problem(NamedTuple):
    """A mistake in the settings: the file or variable, the dotted setting (empty: none in particular), its words."""

    origin: str
    setting: str
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, self))


class SourceValues(NamedTuple):
    """All that one source gives."""

    given: dict[Setting, SourceValue]
    problems: list[Problem]


def dotted(setting: Setting) -> str:
    """A setting's name as people write it."""
    return ".".join(setting)


def variable(setting: Setting) -> str:
    """The environment variable of a setting, as ``RONDE_WORKER__PORT``."""
    return PREFIX + "__".join(setting).upper().replace(".", "_")


def is_secret(setting: Setting) -> bool:
    """True when a value of this setting is never shown."""
    return setting[-1] in SECRET_NAMES or (setting[0] == KAFKA and setting[-1] in SECRETS)


def read_environment(environ: Mapping[str, str], known: Collection[Setting]) -> SourceValues:
    """The settings among the variables; others than ``RONDE_…`` are not ours to judge."""
    source = SourceValues({}, [])
    settings = {variable(setting): setting for setting in known}
    refused = {variable((KAFKA, name)): (KAFKA, name) for name in (*OWNED, *ALIASES)}
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        value = environ[name]
        if setting := settings.get(name):
            source.given[setting] = SourceValue(value, name, text=True, secret=is_secret(setting))
        elif setting := refused.get(name):
            source.problems.append(Problem(name, dotted(setting), _refusal(setting[-1])))
        elif not _SERVICE_LINK.search(f"{name}={value}"):
            source.problems.append(Problem(name, "", f"unknown setting. {_nearest(name, settings)}"))
    return source


def read_file(path: Path, known: Collection[Setting], environ: Mapping[str, str]) -> SourceValues:
    """The settings of a TOML file; ``environ`` holds the variables that it may refer to."""
    source = SourceValues({}, [])
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
        if isinstance(tables.get(KAFKA), dict):
            tables[KAFKA] = dict(_flat(tables[KAFKA]))
    except OSError as error:
        source.problems.append(Problem(str(path), "", f"cannot be read: {error.strerror}. Name an existing file"))
        return source
    except RecursionError:
        source.problems.append(Problem(str(path), "", "is nested too deeply. Correct it there"))
        return source
    except ValueError as error:  # not TOML, or not UTF-8
        source.problems.append(Problem(str(path), "", f"is not a TOML file: {error}. Correct it there"))
        return source
    sections = {setting[:steps] for setting in known for steps in range(1, len(setting))}  # tables that hold settings
    for setting, value in _walk(tables, (), known, sections):
        if isinstance(value, Problem):
            source.problems.append(value._replace(origin=str(path)))
        elif _is_reference(value) and (setting[0] == KAFKA or setting == REGISTRY_URL or is_secret(setting)):
            named, text = _look_up(value, environ, path.parent)
            if text is None or (not text and (setting == REGISTRY_URL or is_secret(setting))):
                # Nobody refers to an empty secret: a file that lost its content must not count as none.
                wrong = "is not there" if text is None else "is empty: put the value there, or leave the setting out"
                source.problems.append(Problem(str(path), dotted(setting), f"refers to the {named}, which {wrong}"))
            else:
                source.given[setting] = SourceValue(text, f"{path} ({named})", text=True, secret=True)
        else:
            source.given[setting] = SourceValue(value, str(path), text=False, secret=is_secret(setting))
    return source


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The properties of the ``kafka`` table; ``a.b = 1`` without quotes means ``"a.b" = 1`` there."""
    for key, value in table.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and name not in PROPERTIES:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _walk(
    table: Mapping[str, Any], above: Setting, known: Collection[Setting], sections: Collection[Setting]
) -> Iterator[tuple[Setting, Any]]:
    """Each setting in the table with its value, or with the problem that it is."""
    for key, value in table.items():
        setting = (*above, key)
        name = dotted(setting)
        if setting in known:
            yield setting, value
        elif setting not in sections:
            if above == (KAFKA,) and (key in OWNED or key in ALIASES):
                message = _refusal(key)
            else:
                candidates = sections if isinstance(value, Mapping) else known
                message = f"unknown setting. {_nearest(name, map(dotted, candidates))}"
            yield setting, Problem("", name, message)
        elif isinstance(value, Mapping):
            yield from _walk(value, setting, known, sections)
        else:
            yield setting, Problem("", name, f"is a table: write [{name}] and its settings below it")


def _refusal(name: str) -> str:
    """Why this librdkafka property is not taken."""
    if name in ALIASES:
        return f"write {ALIASES[name]} instead, which is the same"
    return f"is not to be set here: {OWNED[name]}"


def _nearest(name: str, candidates: Iterable[str]) -> str:
    """A hint at what may have been meant: a similar name, or the same one in another table."""
    names = sorted(candidates)
    last = name.rpartition(".")[2]
    near = get_close_matches(name, names, n=1, cutoff=0.75) or [n for n in names if n.rpartition(".")[2] == last]
    near = near or get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else "`ronde settings` shows all names"


def _is_reference(value: object) -> bool:
    """True for ``{ env = "NAME" }`` and ``{ file = "PATH" }``."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and value.keys() <= {"env", "file"}
        and all(isinstance(target, str) for target in value.values())
    )


def _look_up(reference: Mapping[str, str], environ: Mapping[str, str], folder: Path) -> tuple[str, str | None]:
    """What a reference names, and the text there (a file's without its last line break); None when nothing is."""
    if "env" in reference:
        return f"environment variable {reference['env']}", environ.get(reference["env"])
    path = folder / reference["file"]
    try:
        return f"file {path}", path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError):
        return f"file {path}", None
