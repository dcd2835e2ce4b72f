"""The options of `ronde dlq` that say which dead letters are meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeAlias

import typer

from ronde.shared.errors import WrongUse
from ronde.shared.times import past_instant
from schemas.contract.dead_letter_reasons import DEAD_LETTER_REASONS
from schemas.contract.topics import INPUT_TOPICS
from streams.topics.dead_letters import LetterFilter, LetterId, parse_id

ReasonOption: TypeAlias = Annotated[str | None, typer.Option(metavar="REASON", help="Only those of this reason.")]
SinceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only those from then on: RFC 3339, or how long ago (30m, 2h, 7d)."),
]
UntilOption: TypeAlias = Annotated[str | None, typer.Option(metavar="TIME", help="Only those before then.")]
SiteOption: TypeAlias = Annotated[str | None, typer.Option(metavar="ID", help="Only those of this site.")]
TopicOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TOPIC", help="Only records of this topic (without prefix).")
]
PersonalOption: TypeAlias = Annotated[
    bool, typer.Option("--personal", help="Show also what is personal: names, phones, addresses, hashes, free text.")
]


def ids_of(texts: list[str]) -> list[LetterId]:
    """The letters named. Raises `WrongUse`."""
    try:
        return [parse_id(text) for text in texts]
    except ValueError as error:
        raise WrongUse(str(error)) from None


def letter_filter(
    reason: str | None, since: str | None, until: str | None, site: str | None, topic: str | None
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
