"""What may be wrong with settings that have a name: their values, one by one and taken together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from schemas.contract.topics import INPUT_BYTES
from service.client_properties import refusals
from streams.escalation.procedures import DEFAULTS
from streams.settings.sources import KAFKA, REGISTRY_URL, Problem, Setting, SourceValue, dotted

MASK: Final = "********"
_BATCH_SIZE: Final = "batch.size"
_SHIPPED: Final = {procedure.version for procedure in DEFAULTS.values()}


def leaves(section: type[BaseModel], above: Setting) -> Iterator[tuple[Setting, FieldInfo]]:
    """Every setting below a table with its type, default and description; ``kafka`` is a table of its own kind."""
    for name, field in section.model_fields.items():
        setting = (*above, field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, setting)
        elif setting != (KAFKA,):
            yield setting, field


def checked(setting: Setting, value: SourceValue, field: FieldInfo | None) -> Any:
    """The value as the setting's type, or the problem with it; ``field`` is None for a librdkafka property."""
    if field is None:
        return _property(setting, value)
    if value.text and value.value == "" and type(None) in getattr(field.annotation, "__args__", ()):
        return None  # a variable cannot be null
    constrained: Any = field.annotation
    for constraint in field.metadata:
        constrained = Annotated[constrained, constraint]
    of_field = TypeAdapter[Any](constrained, config=ConfigDict(strict=not value.text))
    try:
        return of_field.validate_python(value.value)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        wrong = details[0]["msg"].removeprefix("Value error, ")
        hidden = value.secret or setting == REGISTRY_URL
        words = "its value" if hidden else _shown(value.value)
        message = f"{words} is not allowed: {wrong[0].lower()}{wrong[1:]}. It is {field.description}"
        return Problem(value.origin, dotted(setting), message)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except RecursionError:
        return "its value"


def disagreements(error: ValidationError, given: Mapping[Setting, SourceValue]) -> list[Problem]:
    """What is wrong with values that are right one by one; no message quotes a value."""
    problems = []
    for detail in error.errors(include_input=False, include_url=False, include_context=False):
        setting = tuple(map(str, detail["loc"]))
        origins = {value.origin: None for name, value in given.items() if name[: len(setting)] == setting}
        message = detail["msg"].removeprefix("Value error, ")
        problems.append(Problem(", ".join(origins), dotted(setting), message))
    return problems


def _property(setting: Setting, value: SourceValue) -> str | Problem:
    """A librdkafka property as text, which is what librdkafka reads."""
    if isinstance(value.value, bool):
        return str(value.value).lower()
    if isinstance(value.value, str | int | float):
        return str(value.value)
    message = 'is not a value of librdkafka: write text, a number, true or false, { env = "NAME" } or { file = "PATH" }'
    return Problem(value.origin, dotted(setting), message)


def procedures_without_a_version(
    procedures: Mapping[str, Mapping[str, Any]], given: Mapping[Setting, SourceValue]
) -> list[Problem]:
    """Each procedure whose values differ from the shipped ones under a shipped version (contracts.md, Settings)."""
    problems = []
    for name, shipped in DEFAULTS.items():
        values = procedures.get(name, {})
        version = values.get("version", shipped.version)
        replaced = [key for key, value in values.items() if key != "version" and value != getattr(shipped, key)]
        setting = ("procedures", name, "version")
        if replaced and version in _SHIPPED:
            origin = given[("procedures", name, replaced[0])].origin
            message = (
                f'"{version}" is shipped with other values, and {", ".join(replaced)} replaced here: '
                f'give these values a version of their own, as version = "{name.lower()}/2"'
            )
            problems.append(Problem(origin, dotted(setting), message))
        elif version != shipped.version and version in _SHIPPED:
            message = f'"{version}" is the shipped version of the other procedure: give this one another'
            problems.append(Problem(given[setting].origin, dotted(setting), message))
    return problems


def refused_sessions(tables: Mapping[str, Any], given: Mapping[Setting, SourceValue]) -> list[Problem]:
    """What librdkafka says against the session of each classic group, for properties that it takes without one."""
    problems = []
    for table, values in tables.items():
        if table == KAFKA or not isinstance(values, Mapping) or values.get("group_protocol") != "classic":
            continue
        setting = (table, "session_timeout_ms")
        if setting[-1] not in values:
            continue  # the default is shorter than what every consumer needs
        for _, words in refusals(tables[KAFKA], {"consumer": {"session.timeout.ms": values[setting[-1]]}})[:1]:
            message = (
                f"librdkafka refuses it: {words}. Set it to kafka.max.poll.interval.ms at most "
                "(300000, where that is not set), or raise that"
            )
            problems.append(Problem(given[setting].origin, dotted(setting), message))
    return problems


def refused_transactions(
    properties: Mapping[str, str], timeout_ms: int, setting: str | None, given: Mapping[Setting, SourceValue]
) -> list[Problem]:
    """What librdkafka says against transactions that end after so long; ``setting`` says so, if one does."""
    own: dict[str, str | int] = {
        "transactional.id": "none",
        "transaction.timeout.ms": timeout_ms,
        "partitioner": "murmur2_random",  # beside a property of topics, librdkafka looks at linger.ms, too
    }
    problems = []
    for name, words in refusals(properties, {"producer": own}):
        message = f"librdkafka refuses it for transactions of {timeout_ms} ms: {words}. Lower it"
        problems.append(_of_property(name, f"{message}, or raise {setting}" if setting else message, given))
    return problems


def refused_properties(properties: Mapping[str, str], given: Mapping[Setting, SourceValue]) -> list[Problem]:
    """What librdkafka says against the values, secrets masked; it is asked only when there are any."""
    problems = []
    for name, words in refusals(properties):
        for other, value in given.items():
            if value.secret and value.value and other[0] == KAFKA:
                words = words.replace(str(value.value), MASK)  # noqa: PLW2901
        problems.append(_of_property(name, f"librdkafka refuses it: {words}", given))
    size = re.match(r"\s*\+?[0-9]+", properties.get(_BATCH_SIZE, ""))  # librdkafka passes over what follows a number
    if not problems and size and int(size[0]) > INPUT_BYTES:
        message = (
            f"topics take at most {INPUT_BYTES} bytes at once, and a producer with more to write never splits a batch "
            "that is refused: set it to that at most"
        )
        problems.append(_of_property(_BATCH_SIZE, message, given))
    return problems


def _of_property(name: str | None, message: str, given: Mapping[Setting, SourceValue]) -> Problem:
    """A problem of a property of Kafka's clients, where it was given; None: of all of them."""
    setting = (KAFKA, name) if name else (KAFKA,)
    return Problem(given[setting].origin if setting in given else "", dotted(setting), message)
