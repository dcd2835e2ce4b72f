"""Transmitters as a file has them: one JSON value a line, or a CSV row each (contracts.md, `ronde transmitters`).

The fields are those of `Transmitter`, but for the key: it comes in clear (``key``), and leaves this module wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from edges.receiver.settings import wrapping_key_of
from edges.receiver.wrapping import Wrapping
from edges.values import Override, Transmitter
from ronde.input_files.csv_rows import WrongCellError, boolean, known_columns, rows_of
from ronde.input_files.site_lines import Bad, json_lines
from ronde.shared.errors import WrongUse
from ronde.shared.whole_settings import WholeSettings
from schemas.contract.alert_kinds import OVERRIDE_CODE, OverrideKind
from service import rfc3339
from service.clock import now_ms

Wrap: TypeAlias = Callable[[bytes, str], bytes]
"""From a key and its account to the wrapped key."""

_LONGEST_ID: Final = 128  # bytes of UTF-8 (contracts.md, Values)
_LONGEST_TEXT: Final = 8192  # likewise
_NUMBERED: Final = re.compile(r"overrides\.([1-9][0-9]?)\.")


def _instant(text: str) -> str:
    rfc3339.parse(text)  # raises ValueError
    return text


def _id(text: str) -> str:
    if not text.strip() or len(text.encode()) > _LONGEST_ID:
        raise ValueError(f"it is empty, or has more than {_LONGEST_ID} bytes")
    return _text(text)


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("it has the character U+0000")
    if len(text.encode()) > _LONGEST_TEXT:
        raise ValueError(f"it has more than {_LONGEST_TEXT} bytes")
    return text


Account: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{1,16}$", to_upper=True)]
Key: TypeAlias = Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{48}|[0-9A-Fa-f]{64})$")]
Instant: TypeAlias = Annotated[str, AfterValidator(_instant)]
Id: TypeAlias = Annotated[str, AfterValidator(_id)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1), AfterValidator(_text)]
_STRICT: Final = ConfigDict(frozen=True, extra="forbid", strict=True)


class OverrideFields(BaseModel):
    """An override as a line has it."""

    model_config = _STRICT

    code: Annotated[str, StringConstraints(pattern=OVERRIDE_CODE)]
    zone: Id | None = None
    kind: OverrideKind
    until: Instant | None = None
    by: Text
    why: Text


class TransmitterFields(BaseModel):
    """A transmitter as a line has it."""

    model_config = _STRICT

    account: Account
    site_id: Id
    protocol: Literal["DC09", "HTTP"] = "DC09"
    key: Key | None = None
    require_encryption: bool | None = None
    bad_crc: Literal["SILENT", "NAK"] = "SILENT"
    overrides: Annotated[list[OverrideFields], Field(max_length=99)] = []
    updated_at: Instant | None = None


_PLAIN: Final = tuple(name for name in TransmitterFields.model_fields if name != "overrides")
_WORDS: Final = {  # in place of pydantic's, by field and type of error; field "": any
    ("account", "string_pattern_mismatch"): "it is not 1 to 16 hexadecimal digits",
    ("key", "string_pattern_mismatch"): "it is not 16, 24 or 32 bytes in hex (32, 48 or 64 digits)",
    ("", "string_pattern_mismatch"): "it is neither three hex digits (Contact ID) nor two capital letters (SIA)",
    ("", "missing"): "it is missing",
    ("", "extra_forbidden"): "a transmitter has no such field",
}
COLUMNS: Final = (*_PLAIN, *(f"overrides.1.{name}" for name in OverrideFields.model_fields))


def wrap_of(settings: WholeSettings) -> Wrap | None:
    """Return what encrypts keys under `receiver.wrapping_key`; None where that is not set."""
    key = settings.receiver.wrapping_key
    return None if key is None else Wrapping(wrapping_key_of(key)).wrap


class Good(NamedTuple):
    """A line, counted from 1, that is a transmitter."""

    line: int
    transmitter: Transmitter


class TransmitterLines:
    """Reads a file, and keeps what was wrong with it.

    Attributes:
        bad: the lines that are no transmitter; no message quotes what a line holds.
        repeated: the lines of each account that stands in several; the last one counts.

    """

    def __init__(self, file: str, lines: Iterable[bytes], wrap: Wrap | None) -> None:
        """``file`` is its name: CSV when it ends in .csv. ``wrap`` None: no line may have a key."""
        self.bad: list[Bad] = []
        self.repeated: dict[str, list[int]] = {}
        self._is_csv = file.lower().endswith(".csv")
        self._lines = lines
        self._wrap = wrap
        self._line_of: dict[str, int] = {}
        self._now = now_ms()

    def good(self) -> Iterator[Good]:
        """The transmitters, in the order of their lines. Raises `WrongUse` where a CSV file cannot be read on."""
        for line, value in self._values():
            try:
                transmitter = self._transmitter(TransmitterFields.model_validate(value))
            except ValidationError as error:
                self.refuse(line, "UNDECODABLE", _first(error))
            except WrongCellError as error:
                self.refuse(line, "UNDECODABLE", str(error))
            else:
                self._note(transmitter.account, line)
                yield Good(line, transmitter)

    def refuse(self, line: int, reason: str, error: str) -> None:
        """Note a line that is no transmitter, or that the topic does not take."""
        self.bad.append(Bad(line, reason, error))

    def _values(self) -> Iterator[tuple[int, Any]]:
        if self._is_csv:
            for row in rows_of(self._lines, _columns):
                if isinstance(row.cells, WrongUse):
                    raise row.cells
                try:
                    if isinstance(row.cells, WrongCellError):
                        raise row.cells
                    yield row.line, _of_cells(row.cells)
                except WrongCellError as error:
                    self.refuse(row.line, "UNDECODABLE", str(error))
            return
        yield from json_lines(self._lines, self.refuse)

    def _transmitter(self, fields: TransmitterFields) -> Transmitter:
        """The value to write. Raises `WrongCellError`."""
        wrapped = None
        if fields.key is not None:
            if self._wrap is None:
                raise WrongCellError(
                    "key: receiver.wrapping_key is not set, and no key leaves here unencrypted; "
                    "set it to 32 bytes in hex, here and for all receivers, as `openssl rand -hex 32` makes them"
                )
            wrapped = self._wrap(bytes.fromhex(fields.key), fields.account)
        elif fields.require_encryption:
            raise WrongCellError("require_encryption: without a key none of its frames would be taken")
        return Transmitter(
            fields.account,
            fields.site_id,
            fields.protocol,
            wrapped,
            fields.require_encryption,
            fields.bad_crc,
            tuple(
                Override(one.code, one.zone, one.kind, _milliseconds(one.until), one.by, one.why)
                for one in fields.overrides
            ),
            self._now if fields.updated_at is None else rfc3339.parse(fields.updated_at),
        )

    def _note(self, account: str, line: int) -> None:
        before = self._line_of.get(account)
        if before is not None:
            self.repeated.setdefault(account, [before]).append(line)
        self._line_of[account] = line


def _milliseconds(text: str | None) -> int | None:
    return None if text is None else rfc3339.parse(text)


def _first(error: ValidationError) -> str:
    """What is wrong first, without the value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    field = ".".join(map(str, first["loc"])) or "the line"
    message = _WORDS.get((field, first["type"])) or _WORDS.get(("", first["type"])) or first["msg"]
    message = message.removeprefix("Value error, ")
    return f"{field}: {message[0].lower()}{message[1:]}"


# --- CSV ------------------------------------------------------------------------------------------


def _columns(header: Iterable[str]) -> list[str]:
    names = list(header)
    for needed in ("account", "site_id"):
        if needed not in names:
            raise WrongUse(f"line 1: no column is named {needed}; the first row names the columns, as account,site_id")
    return known_columns(names, COLUMNS, lambda name: _NUMBERED.sub("overrides.1.", name, count=1))


def _of_cells(cells: dict[str, str]) -> dict[str, Any]:
    """A row as the JSON of a line. Raises `WrongCellError`."""
    value: dict[str, Any] = {name: cells[name] for name in _PLAIN if name in cells}
    if "require_encryption" in cells:
        value["require_encryption"] = boolean("require_encryption", cells)
    places = sorted({int(match[1]) for column in cells if (match := _NUMBERED.match(column))})
    value["overrides"] = [
        {
            name: cells[f"overrides.{place}.{name}"]
            for name in OverrideFields.model_fields
            if f"overrides.{place}.{name}" in cells
        }
        for place in places
    ]
    return value
