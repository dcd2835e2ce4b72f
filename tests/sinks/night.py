"""One night at one site, always the same: nobody says that all is well, a partner rejects, the next one goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from edges.values import Claim, DeskEvent
from streams.escalation.names import Outcome, ReportStatus
from streams.escalation.values import (
    Address,
    Alert,
    CallCommand,
    CallResult,
    Contact,
    DispatchCommand,
    DispatchReport,
    Intervention,
    Site,
)
from tests.sinks.edge_records import SECOND, of_alert, of_call, placed
from tests.sinks.records import MINUTE, Neighbourhood, Record
from tests.support.times import START

PARTITION: Final = 9  # none of those that other tests use
HOME: Final = Site(
    site_id="S1",
    subscribed=True,
    contacts=tuple(
        Contact(name, "OWNER", name.capitalize(), "Martin", f"+3363998000{place}", "hash")
        for place, name in enumerate(("ann", "bob"), start=1)
    ),
    address=Address("1 rue des Lilas", None, "74300", "Cluses", "FR"),
    instructions="the key is under the stone",
    intervention=Intervention(partners=("P1", "P2")),
    test_until=None,
    updated_at=START,
)
PERSONAL: Final = (
    *("+3363998", "Martin", "Lilas", "Cluses", "under the stone", "a window", "her mobile", "no car"),
    *("0815", "back gate", "a neighbour has a key"),  # of the edges
)
_ANSWERS: Final[dict[tuple[int, int], Outcome]] = {(1, 1): "NO_ANSWER", (1, 2): "IDENTIFIED", (2, 1): "NO_ANSWER"}
_STORIES: Final[dict[str, list[tuple[ReportStatus, int]]]] = {
    "P1": [("REJECTED", 10_000)],
    "P2": [("ACCEPTED", 5_000), ("ON_SITE", 8 * MINUTE), ("CLOSED", 20 * MINUTE)],
}


def night() -> list[Record]:
    """Its records, those of the edges last."""
    records = _Night().play(START + 60 * MINUTE)
    return [*records, *placed(_at_the_edges(records), PARTITION)]


def _at_the_edges(records: list[Record]) -> Iterator[tuple[int, Any]]:
    """A panel that is disarmed, alerts, repeats, and is cancelled; two people and a robot at the telephones."""
    at = START + MINUTE
    alerts = [record for record in records if isinstance(record.value, Alert)]
    first = of_alert(alerts[0].value, alerts[0].at)
    yield at - 40 * SECOND, first._replace(
        signal_id="open", code="OP", qualifier=None, meaning="OPENING", kind=None, alert_id=None, outcome="SIGNAL",
        received_at=at - 40 * SECOND, raised_at=None, zone=None, user="0815", raw=b"NOP0815",
    )  # fmt: skip
    for record in alerts:
        yield record.at, of_alert(record.value, record.at)
    yield at + 8 * SECOND, first._replace(signal_id="again", outcome="REPEATED", received_at=at + 8 * SECOND)
    yield at + 5 * MINUTE, first._replace(
        signal_id="cancel", code="BC", qualifier=None, meaning="CANCEL", kind=None, alert_id=None, outcome="SIGNAL",
        received_at=at + 5 * MINUTE, raised_at=None, zone=None, user="0815", text="back gate",
        authenticated=False, raw=b"NBC0815/back gate",
    )  # fmt: skip
    yield START + 40 * MINUTE, first._replace(signal_id="closed", received_at=START + 40 * MINUTE)

    calls = [record.value for record in records if isinstance(record.value, CallCommand)]
    yield from of_call(calls[0])
    taken = Claim("robot", HOME.site_id, calls[1].incident_id, calls[1].command_id, "dialler-1", "ROBOT", "TAKE", 120)
    yield calls[1].issued_at + 300, taken
    yield calls[1].issued_at + 9000, taken._replace(claim_id="over", by="zoe", who="PERSON", action="TAKE_OVER")
    note = DeskEvent(
        "note", HOME.site_id, calls[1].incident_id, "zoe", "NOTE", None, "a neighbour has a key", at + 3 * MINUTE
    )
    yield at + 3 * MINUTE, note
    tried = note._replace(event_id="tried", action="WORD_TRIED", subject=calls[1].command_id, detail="RIGHT")
    yield calls[1].issued_at + 15_000, tried._replace(at=calls[1].issued_at + 15_000)


class _Night(Neighbourhood):
    def __init__(self) -> None:
        super().__init__(seed=1, partition=PARTITION, sites=0)
        self.later(START, lambda at: self.site(HOME.site_id, HOME, at))
        alert = Alert("A1", HOME.site_id, "INTRUSION", 0, "hall", "a window", "receiver-1")
        self.later(START + MINUTE, lambda at: self.input(alert._replace(raised_at=at - 900), at))
        later = alert._replace(alert_id="A2", kind="TAMPER", zone=None)
        self.later(START + 20 * MINUTE, lambda at: self.input(later._replace(raised_at=at - 900), at))

    def _answer(self, call: CallCommand) -> None:
        place = call.round, call.position
        if place in _ANSWERS:
            result = CallResult(
                result_id="R{}.{}".format(*place),
                site_id=call.site_id,
                incident_id=None,
                command_id=call.command_id,
                contact_id=None,
                direction="OUTBOUND",
                outcome=_ANSWERS[place],
                situation="UNKNOWN",
                message_left=_ANSWERS[place] == "NO_ANSWER",
                detail="her mobile",
                operator="desk-7",
                ended_at=0,
            )
            self.later(call.issued_at + 20_000, lambda at: self.input(result._replace(ended_at=at - 500), at))

    def _respond(self, request: DispatchCommand) -> None:
        for status, after in _STORIES[request.partner_id]:
            report = DispatchReport(
                report_id=f"{request.partner_id}-{status}",
                site_id=request.site_id,
                incident_id=request.incident_id,
                dispatch_id=request.dispatch_id,
                partner_id=request.partner_id,
                status=status,
                disposition="a cat" if status == "CLOSED" else None,
                reason="no car" if status == "REJECTED" else None,
                reported_at=0,
            )
            self.later(request.issued_at + after, self._report(report))
