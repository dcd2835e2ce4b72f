"""What panels are to send, as a file has it: one signal a line of JSON (contracts.md, `ronde panel`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ronde.input_files.site_lines import json_lines
from ronde.shared.errors import WrongUse

Account: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{1,16}$")]
Hex: TypeAlias = Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{48}|[0-9A-Fa-f]{64})$")]


class ScenarioLine(BaseModel):
    """One signal; what is absent is as the options have it.

    Attributes:
        at: seconds from the start.
        key: 16, 24 or 32 bytes in hex; an empty text: in the clear.

    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    account: Account | None = None
    key: Hex | Literal[""] | None = None
    code: str
    zone: str = ""
    partition: str = ""
    qualifier: Literal["NEW", "RESTORE", "STATUS"] = "NEW"
    text: str = ""


def scenario_of(lines: Iterable[bytes]) -> list[ScenarioLine]:
    """All lines, blank ones left out, in the order of their times. Raises `WrongUse`, which names each bad line."""
    found, bad = list[ScenarioLine](), list[str]()
    for number, value in json_lines(lines, lambda line, _, error: bad.append(f"line {line}: {error}")):
        try:
            found.append(ScenarioLine.model_validate(value))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            field = ".".join(map(str, first["loc"])) or "the line"
            bad.append(f"line {number}: {field}: {first['msg'][0].lower()}{first['msg'][1:]}")
    if bad:
        raise WrongUse("\n".join(["the scenario cannot be played:", *(f"  {one}" for one in bad)]))
    return sorted(found, key=lambda line: line.at)
