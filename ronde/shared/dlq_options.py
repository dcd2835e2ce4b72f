"""The options of `ronde dlq` that say which dead letters are meant."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Annotated, Any, TypeAlias

import typer

from ronde.shared.errors import WrongUse
from ronde.shared.times import past_instant
from schemas.contract.dead_letter_reasons import DEAD_LETTER_REASONS
from schemas.contract.topics import INPUT_TOPICS
from streams.kafka.dead_letters import LetterFilter, LetterId, parse_id

PersonalOption: TypeAlias = Annotated[
    bool, typer.Option("--personal", help="Show also what is personal: names, phones, addresses, hashes, free text.")
]


def ids_of(texts: list[str]) -> list[LetterId]:
    """The letters named. Raises `WrongUse`."""
    try:
        return [parse_id(text) for text in texts]
    except ValueError as error:
        raise WrongUse(str(error)) from None


def selects_letters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `_letter_filter` in place of its parameter ``selected``, which takes the filter."""
    options = inspect.signature(_letter_filter, eval_str=True).parameters
    signature = inspect.signature(command, eval_str=True)

    @wraps(command)
    def run(**values: Any) -> None:
        selected = _letter_filter(**{name: values.pop(name) for name in options})
        command(selected=selected, **values)

    parameters = [
        parameter
        for name, own in signature.parameters.items()
        for parameter in (options.values() if name == "selected" else [own])
    ]
    # Typer reads the options off both.
    run.__dict__["__signature__"] = signature.replace(parameters=parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _letter_filter(
    reason: Annotated[str | None, typer.Option(metavar="REASON", help="Only those of this reason.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only those from then on: RFC 3339, or how long ago (30m, 2h, 7d)."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only those before then.")] = None,
    site: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this site.")] = None,
    topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Only records of this topic (without prefix).")
    ] = None,
) -> LetterFilter:
    """The letters that the options ask for. Raises `WrongUse`."""
    _known("--reason", reason, DEAD_LETTER_REASONS)
    _known("--topic", topic, (*INPUT_TOPICS, "state"))
    begin = None if since is None else past_instant("--since", since)
    return LetterFilter(reason, begin, None if until is None else past_instant("--until", until), site, topic)


def _known(option: str, value: str | None, known: Iterable[str]) -> None:
    names = list(known)
    if value is not None and value not in names:
        raise WrongUse(f"{option}: no {value!r}; there are {', '.join(names)}")
