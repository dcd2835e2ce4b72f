"""The stories that the demonstration plays, as data: what a panel sends, how people and partners react, the end.

One story a site, one sentence of the procedure a story. The sites are those of ``sites.jsonl``, their panels those of
``transmitters.jsonl``, the times those of ``settings.toml``. `telephony.Script` and `partner.Script` are drawn from
here; the two processes never see the endings.
"""

import json
from typing import Any, Final, Literal, NamedTuple

from ronde.demo import partner, telephony
from ronde.demo.partner import ScriptedReport
from ronde.demo.telephony import Reply

LINK_TEST: Final = "NULL"


class Signal(NamedTuple):
    """What a panel sends, ``after`` so many seconds, counted from the start or, once, from a rule seen on the site.

    Attributes:
        code: three digits (Contact ID), two letters (SIA) or `LINK_TEST`.
        copies: how often the same frame is sent; the second time as if its acknowledgement had been lost.
        lacks_key: it is sent in the clear, though the site's transmitter has a key: the receiver refuses it.

    """

    code: str
    zone: str = ""
    text: str = ""
    after: float = 0.0
    since: str | None = None
    qualifier: Literal["NEW", "RESTORE"] = "NEW"
    copies: int = 1
    lacks_key: bool = False


class Ending(NamedTuple):
    """A site's ending: all its decisions, commands, attentions and quarantine, in order."""

    rules: tuple[str, ...] = ()
    phase: str | None = None  # of the last decision
    disposition: str | None = None  # of the guard's visit
    partners: tuple[str, ...] = ()  # asked, each once
    covert: bool = False  # every dispatch command was
    attention: tuple[str, ...] = ()  # reasons
    quarantine: str | None = None  # reason
    missing: tuple[str, ...] = ()  # elements the customer must still fill in


class Story(NamedTuple):
    """One site's story. A partner that is not in ``guards`` never answers."""

    site_id: str
    title: str
    signals: tuple[Signal, ...]
    ending: Ending
    replies: tuple[Reply, ...] = ()
    guards: dict[str, tuple[ScriptedReport, ...]] = {}  # noqa: RUF012  by partner_id; nobody writes to it


NO_ANSWER: Final = Reply("NO_ANSWER", "UNKNOWN", detail="voicemail")
WRONG_CODE: Final = Reply("WRONG_CODE")
SEES_A_BURGLAR: Final = Reply("IDENTIFIED", "ABNORMAL", detail="a window is broken")

WEBHOOK_PARTNER: Final = "ronde-paris"  # in a run with `ronde partners`; else it reads Kafka as the others

VISIT: Final = ("PARTNER_PROGRESS", "PARTNER_PROGRESS", "PARTNER_PROGRESS", "INTERVENTION_CLOSED")


def _visit(disposition: str) -> tuple[ScriptedReport, ...]:
    """A guard accepts, drives, arrives, and closes with the finding."""
    return (
        ScriptedReport("ACCEPTED", 0.8),
        ScriptedReport("EN_ROUTE", 1.6),
        ScriptedReport("ON_SITE", 2.8),
        ScriptedReport("CLOSED", 4.0, disposition),
    )


STORIES: Final = (
    Story(
        "S01",
        "identified at the first call",
        (
            Signal("130", "1", "front door"),
            Signal("130", "1", "front door", after=3.0, qualifier="RESTORE"),
        ),
        Ending(("OPENED", "RESOLVED"), "CLOSED"),
        (Reply("IDENTIFIED", detail="came home, forgot the alarm"),),
    ),
    Story(
        "S02",
        "second contact identified",
        (Signal("131", "4", "garage"),),
        Ending(("OPENED", "NEXT_CONTACT", "RESOLVED"), "CLOSED"),
        (Reply("NOT_IDENTIFIED", contact="paul"), Reply("IDENTIFIED", contact="lucie")),
    ),
    Story(
        "S03",
        "called back during the wait",
        (Signal("137", "12", "siren"),),
        Ending(("OPENED", "NEXT_CONTACT", "WAIT_STARTED", "RESOLVED_BY_CALLBACK"), "CLOSED"),
        (NO_ANSWER._replace(contact="samir", calls_back=3.0), NO_ANSWER),
    ),
    Story(
        "S04",
        "nobody in two rounds → guard",
        (Signal("130", "3", "patio door", copies=2),),
        Ending(
            ("OPENED", "NEXT_CONTACT", "WAIT_STARTED", "WAIT_ENDED", "NEXT_CONTACT", "NOBODY_REACHED", *VISIT),
            "CLOSED",
            "NOTHING_FOUND",
            ("garde-alpes",),
        ),
        (NO_ANSWER,),
        {"garde-alpes": _visit("NOTHING_FOUND")},
    ),
    Story(
        "S05",
        "new alert cuts the wait short",
        (Signal("BA", "4", "garage"), Signal("BA", "2", "living room", 2.0, "WAIT_STARTED")),
        Ending(
            ("OPENED", "NEXT_CONTACT", "WAIT_STARTED", "WAIT_CUT_SHORT", "CONFIRMED_ABNORMAL", *VISIT),
            "CLOSED",
            "BREAK_IN",
            ("ronde-paris",),
        ),
        (NO_ANSWER._replace(round=1), SEES_A_BURGLAR._replace(round=2)),
        {"ronde-paris": _visit("BREAK_IN")},
    ),
    Story(
        "S06",
        "wrong code, twice → guard",
        (
            Signal("130", "5", "terrace"),
            # Somebody else says that the owner has disarmed it.
            Signal("401", "1", after=2.0, lacks_key=True),
        ),
        Ending(
            ("OPENED", "WAIT_STARTED", "WAIT_ENDED", "CODE_REPEAT_ASKED", "CONFIRMATION_FAILED", *VISIT),
            "CLOSED",
            "NOTHING_FOUND",
            ("azur-protection",),
        ),
        (WRONG_CODE, WRONG_CODE._replace(action="CONFIRM")),
        {"azur-protection": _visit("NOTHING_FOUND")},
    ),
    Story(
        "S07",
        "wrong code, then the right one",
        (Signal("BA", "1", "front door"), Signal("BR", "1", "front door", after=3.0)),
        Ending(("OPENED", "WAIT_STARTED", "WAIT_ENDED", "CODE_REPEAT_ASKED", "RESOLVED"), "CLOSED"),
        (NO_ANSWER._replace(round=1), WRONG_CODE, Reply("IDENTIFIED", action="CONFIRM")),
    ),
    Story(
        "S08",
        "fire, nobody reached → guard",
        (Signal("FA", "7", "kitchen", copies=2),),
        Ending(
            ("OPENED", "NEXT_CONTACT", "WAIT_STARTED", "WAIT_ENDED", "NEXT_CONTACT", "NOBODY_REACHED", *VISIT),
            "CLOSED",
            "FIRE_BRIGADE",
            ("sentinelle-france",),  # the site names no partner: the settings' one
        ),
        # The first call just rings: its deadline goes on to the next contact.
        (Reply(None, contact="annick", round=1), NO_ANSWER),
        {"sentinelle-france": _visit("FIRE_BRIGADE")},
    ),
    Story(
        "S09",
        "duress code → covert guard",
        (
            Signal("120", "9", "panic button"),
            Signal("406", "1", after=2.0, lacks_key=True),  # a cancel
        ),
        Ending(
            ("OPENED", "DURESS", *VISIT),
            "CLOSED",
            "POLICE_CALLED",
            ("azur-protection",),
            covert=True,
            attention=("DURESS",),
        ),
        (Reply("DURESS_CODE"),),
        {"azur-protection": _visit("POLICE_CALLED")},
    ),
    Story(
        "S10",
        "partner silent → next partner",
        (Signal("130", "6", "boat house"), Signal(LINK_TEST, after=2.5)),
        Ending(
            ("OPENED", "CONFIRMED_ABNORMAL", *("RESPONSE_TIMED_OUT",) * 3, *VISIT),
            "CLOSED",
            "BREAK_IN",
            ("garde-alpes", "vigie-ouest"),
            attention=("PARTNER_SILENT",),
        ),
        (SEES_A_BURGLAR,),
        {"vigie-ouest": _visit("BREAK_IN")},
    ),
    Story(
        "S11",
        "no intervention → attention",
        (Signal("134", "2", "back door"),),
        Ending(("OPENED", "CONFIRMED_ABNORMAL"), "HANDED_OVER", attention=("INTERVENTION_DISABLED",)),
        (SEES_A_BURGLAR,),
    ),
    Story(
        "S12",
        "not configured → quarantine",
        (Signal("130", "1", "hall"),),
        Ending(quarantine="NOT_READY", missing=("FIRST_CONTACT_PASSWORD", "POSTAL_ADDRESS")),
    ),
    Story(
        "S13",
        "cancelled service → quarantine",
        (Signal("130", "1", "hall"), Signal(LINK_TEST, after=1.5)),
        Ending(quarantine="NOT_SUBSCRIBED"),
    ),
)

# Everyday noise on other sites: someone is at home, answers and gives the code.
BACKGROUND: Final = tuple(
    Story(
        site_id,
        "at home, gives the code",
        (Signal(code, zone, text, after),),
        Ending(("OPENED", "RESOLVED"), "CLOSED"),
        (Reply("IDENTIFIED"),),
    )
    for site_id, code, zone, text, after in (
        ("S14", "130", "1", "hall", 1.0),
        ("S17", "TA", "14", "camera", 2.5),
        ("S19", "132", "3", "cellar", 4.0),
        ("S21", "111", "8", "workshop", 5.0),
        ("S23", "HA", "9", "panic button", 6.5),
        ("S26", "BA", "5", "balcony", 8.0),
    )
)


def telephony_script(stories: tuple[Story, ...]) -> telephony.Script:
    """The telephony's script: how each call of a site is answered."""
    return {story.site_id: list(story.replies) for story in stories}


def partner_script(stories: tuple[Story, ...]) -> partner.Script:
    """The partners' script: how each one's guard fares at a site."""
    return {story.site_id: {name: list(reports) for name, reports in story.guards.items()} for story in stories}


def split_script(script: partner.Script) -> tuple[partner.Script, partner.Script]:
    """A partners' script without the partner that is asked by webhook, and that one's."""
    by_webhook = {
        site: {WEBHOOK_PARTNER: guards[WEBHOOK_PARTNER]} for site, guards in script.items() if WEBHOOK_PARTNER in guards
    }
    others = {
        site: {name: reports for name, reports in guards.items() if name != WEBHOOK_PARTNER}
        for site, guards in script.items()
    }
    return others, by_webhook


def as_json(script: telephony.Script | partner.Script) -> str:
    """A script as the file that its process reads."""
    return json.dumps(_plain(script), ensure_ascii=False, indent=1)


def _plain(value: Any) -> Any:
    """Named tuples as objects of their fields."""
    if hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
