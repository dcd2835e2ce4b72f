"""The options of `ronde dlq` that say which dead letters are meant."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, get_args

import typer

from ronde.errors import WrongUse

if TYPE_CHECKING:
    from streams.dlq.letters import LetterId, Wanted

_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

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
    from streams.dlq.letters import parse_id  # noqa: PLC0415 - heavy

    try:
        return [parse_id(text) for text in texts]
    except ValueError as error:
        raise WrongUse(str(error)) from None


def wanted_of(reason: str | None, since: str | None, until: str | None, site: str | None, topic: str | None) -> Wanted:
    """The letters that the options ask for. Raises `WrongUse`."""
    from schemas.topics import INPUT_TOPICS  # noqa: PLC0415 - as the others
    from streams.admission import DeadLetterReason  # noqa: PLC0415 - heavy
    from streams.dlq.letters import Wanted  # noqa: PLC0415 - heavy

    _known("--reason", reason, get_args(DeadLetterReason))
    _known("--topic", topic, (*INPUT_TOPICS, "state"))
    return Wanted(reason, _instant("--since", since), _instant("--until", until), site, topic)


def _known(option: str, value: str | None, known: Iterable[str]) -> None:
    names = list(known)
    if value is not None and value not in names:
        raise WrongUse(f"{option}: no {value!r}; there are {', '.join(names)}")


def _instant(option: str, text: str | None) -> int | None:
    """An instant in milliseconds: written as RFC 3339, or as how long ago it was; at least 1970, as for Kafka."""
    from streams import instants  # noqa: PLC0415 - as the others

    if text is None:
        return None
    if match := re.fullmatch(r"([0-9]{1,6})([smhd])", text):
        return max(time.time_ns() // 1_000_000 - int(match[1]) * _MS[match[2]], 0)
    try:
        return max(instants.parse(text), 0)
    except ValueError as error:
        raise WrongUse(f"{option}: {error}; write it like 2026-01-01T00:00:00Z, or like 2h for two hours ago") from None
