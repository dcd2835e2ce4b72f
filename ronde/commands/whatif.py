"""`ronde whatif`: what would have ended otherwise under another procedure (docs/evidence.md)."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from ronde.shared.errors import Failed, WrongUse
from ronde.shared.settings import JsonOption, SettingsOption, in_force, known_procedures
from ronde.shared.suggestions import suggestion
from ronde.shared.terminal import Terminal, print_value, say
from ronde.shared.times import past_instant
from ronde.shared.topic_reading import opened, recorded
from ronde.shared.whole_settings import WholeSettings
from ronde.views.whatif.figures import Question, as_object
from ronde.views.whatif.page import page as as_page
from ronde.views.whatif.text import show
from streams.escalation.names import ProcedureName
from streams.escalation.procedures import DEFAULTS, Procedure, Procedures
from streams.settings import SettingsError, load
from streams.settings.sections import FireSettings, SecuritySettings
from streams.whatif.change import Change
from streams.whatif.comparison import Comparison
from streams.whatif.history import History

_COLLECT_EVERY: Final = 1_000_000  # new objects: the records stay, and the collector would traverse them in vain
_SECTIONS: Final[Mapping[ProcedureName, Any]] = {"SECURITY": SecuritySettings, "FIRE": FireSettings}
_LISTED: Final = 10


def whatif(
    since: Annotated[
        str, typer.Option(metavar="TIME", help="From when on: RFC 3339, or as 30d for thirty days ago.")
    ] = "30d",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A value of a procedure, as SECURITY.wait_seconds=300."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--set-file", metavar="FILE", help="Both procedures of another settings file.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with plots (HTML, nothing else needed).")
    ] = None,
    longest: Annotated[
        int, typer.Option("--list", metavar="N", min=0, help="How many incidents to show with both timelines.")
    ] = _LISTED,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide the incidents of the topics again under another procedure, and show what would have ended otherwise.

    Alerts, callbacks and operators' actions keep their times, answers and reports their delays. Where the log has no
    answer, an incident is undetermined: it counts with bounds. Reads the topics, writes nothing.
    """
    effective = in_force(settings)
    change = _change(values or [], file)
    question = Question(past_instant("--since", since), change, _changes(effective.procedures(), change))
    gc.set_threshold(_COLLECT_EVERY)
    with opened(effective, "reading") as (logs, total):
        procedures = (known_procedures(effective), effective.procedures())
        history = History(logs, recorded(effective), *procedures, total, effective.canary.site)
        comparison = history.compare(change, question.since)
    if not comparison.incidents:
        raise Failed(f"{effective.topic('decisions')} has no incident since then: see --since, and the prefix")
    if page is not None:
        _write(page, as_page(question, comparison))
    if as_json:
        print_value(as_object(question, comparison))
    else:
        show(Terminal(), question, comparison, longest)
        if page is not None:
            say(str(page))
    if not comparison.judged:
        raise Failed(_nothing(comparison))


def _change(texts: list[str], file: Path | None) -> Change:
    """Read what to change. Raises `WrongUse`."""
    values: dict[ProcedureName, dict[str, Any]] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        table, dot, field = name.removeprefix("procedures.").partition(".")
        if not sign or not dot or table not in DEFAULTS:
            raise WrongUse(f"--set {text!r}: write it like SECURITY.wait_seconds=300; procedures are SECURITY and FIRE")
        fields = [known for known in Procedure._fields if known not in {"name", "version"}]
        if field not in fields:
            raise WrongUse(f"--set {text!r}: a procedure has no {field!r}; {suggestion(field, fields)}")
        procedure: ProcedureName = "FIRE" if table == "FIRE" else "SECURITY"
        if field in values.setdefault(procedure, {}):
            raise WrongUse(f"--set {table}.{field}: it is there twice; which one is meant?")
        values[procedure][field] = _value(text, procedure, field, value)
    if file is None:
        return Change(values)
    try:
        return Change(values, load(file, {}, WholeSettings).procedures())
    except SettingsError as error:
        raise WrongUse(f"--set-file {error}") from None


def _value(text: str, procedure: ProcedureName, field: str, value: str) -> Any:
    shipped = getattr(DEFAULTS[procedure], field)
    parsed: Any = value
    if isinstance(shipped, bool):
        parsed = {"true": True, "false": False}.get(value.lower(), value)
    elif isinstance(shipped, int) and value.isascii() and value.isdigit():
        with suppress(ValueError):  # Python reads no number of thousands of digits: left as text, it is refused below
            parsed = int(value)
    elif shipped is None and not value:
        parsed = None
    section = _SECTIONS[procedure]
    try:
        section.model_validate({field: parsed})
    except ValidationError:
        raise WrongUse(f"--set {text!r}: it is {section.model_fields[field].description}") from None
    return parsed


def _changes(current: Procedures, change: Change) -> list[tuple[str, Any, Any]]:
    """Return the values that differ from those of the settings, which may not be those of an old incident."""
    changes: list[tuple[str, Any, Any]] = []
    for name, procedure in current.items():
        for field, was, is_now in zip(Procedure._fields, procedure, change.of(procedure), strict=True):
            if was != is_now and field != "version":
                changes.append((f"{name}.{field}", was, is_now))
    return changes


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}; name a file that can be written (--page)") from None


def _nothing(comparison: Comparison) -> str:
    if comparison.unknown_versions:
        return (
            f"the procedure {', '.join(sorted(comparison.unknown_versions))} is not known: give the --settings that it "
            "was decided under"
        )
    return "none of them could be judged: " + ", ".join(sorted(comparison.not_judged))
