"""What a desk's view takes: 1,000,000 sites and 20,000 open incidents, in memory and in seconds, without a broker.

python -m benchmarks.desk_memory [SITES [INCIDENTS]]
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from edges.desk.progress import Place
from edges.desk.site_index import SiteIndex
from edges.desk.state import DeskState
from edges.desk.work import WorkList
from edges.values import CONSTRUCTORS
from schemas.avro.decoder import decoder
from schemas.avro.records import encode

SITES: Final = 1_000_000
INCIDENTS: Final = 20_000
PARTITIONS: Final = 6
BATCH: Final = 5000
NIGHT: Final = 1_767_225_600_000
DECISIONS: Final = 10  # of each incident
CALLS: Final = 4
SURNAMES: Final = ("Martin", "Bernard", "Durand", "Petit", "Leroy", "Moreau", "Simon", "Laurent", "Lefebvre", "Michel")


def megabytes() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def site(number: int) -> bytes:
    """A site of two contacts, as on the topic."""
    contacts = [
        {
            "contact_id": f"person-{2 * number + place}",
            "role": "OWNER",
            "first_name": f"Prénom{number % 997}",
            "last_name": f"{SURNAMES[number % 10]}-{SURNAMES[number // 10 % 10]}{number % 7919}",
            "phone": f"+336{2 * number + place:08d}",
            "password_hash": "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaA",
        }
        for place in (0, 1)
    ]
    address = {"line1": f"{number % 100} rue des Lilas", "postal_code": "74300", "city": "Cluses", "country": "FR"}
    return encode(
        "Site",
        {
            "site_id": f"site-{number:07d}",
            "subscribed": True,
            "contacts": contacts,
            "address": address,
            "updated_at": 0,
        },
    )


def records(number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records of one open incident."""
    incident, site_id = f"{number:024x}", f"site-{number:07d}"
    for version in range(1, DECISIONS + 1):
        yield "decisions", {
            "decision_id": f"{incident}-v{version}", "incident_id": incident, "procedure_version": "security/1",
            "site_id": site_id, "version": version, "at": NIGHT + version, "rule": "MERGED", "phase_from": "CALLING",
            "input": {"kind": "ALERT", "id": f"alert-{version}", "topic": "alerts", "partition": 1, "offset": number},
            "site_offset": number, "phase_to": "CALLING", "round": 1, "position": 1, "deadline": NIGHT + 120_000,
            "outputs": [f"{incident}-c1.{version}"],
        }  # fmt: skip
    for position in range(1, CALLS + 1):
        yield "calls", {
            "command_id": f"{incident}-c1.{position}", "action": "CALL", "incident_id": incident, "site_id": site_id,
            "procedure": "SECURITY", "round": 1, "position": position, "contact_id": f"person-{number}",
            "contact_name": "Prénom Martin", "phone": f"+336{number:08d}", "language": "fr", "leave_message": True,
            "alert_kinds": ["INTRUSION"], "issued_at": NIGHT, "expires_at": NIGHT + 120_000,
        }  # fmt: skip
        if position < CALLS:
            yield "call-results", {
                "result_id": f"{incident}-c1.{position}-result-00000000", "site_id": site_id, "incident_id": incident,
                "command_id": f"{incident}-c1.{position}", "contact_id": f"person-{number}", "direction": "OUTBOUND",
                "outcome": "NO_ANSWER", "situation": "UNKNOWN", "operator": "ann", "ended_at": NIGHT + position,
            }  # fmt: skip


SCHEMAS: Final = {"decisions": "Decision", "calls": "CallCommand", "call-results": "CallResult"}


def main(sites: int, incidents: int) -> None:
    """Measure."""
    print(f"at the start: {megabytes():.0f} MB")  # noqa: T201 - it is a command
    index, read_site = SiteIndex(), decoder("Site", CONSTRUCTORS)
    spent = 0.0
    for first in range(0, sites, BATCH):
        batch = [(number, site(number)) for number in range(first, min(first + BATCH, sites))]
        began = time.process_time()
        index.take((f"site-{number:07d}", number % PARTITIONS, number, read_site(data)) for number, data in batch)
        spent += time.process_time() - began
    print(f"{sites} sites: {megabytes():.0f} MB, decoded and taken in {spent:.1f} s of a core")  # noqa: T201 - as above
    for text in (f"site-{sites // 2:07d}", f"06{sites:08d}", "martin-petit12", "prenom12 martin"):
        began = time.perf_counter()
        found = len(index.find(text))
        print(f"find {text!r}: {found} in {1000 * (time.perf_counter() - began):.1f} ms")  # noqa: T201 - as above

    state = DeskState(PARTITIONS)
    work = WorkList(state, lambda _name, _value: None)
    read = {topic: decoder(schema, CONSTRUCTORS) for topic, schema in SCHEMAS.items()}
    spent, offset = 0.0, 0
    for number in range(incidents):
        values = [(topic, encode(SCHEMAS[topic], value)) for topic, value in records(number)]
        began = time.process_time()
        for topic, data in values:
            offset += 1
            state.apply(Place(topic, number % PARTITIONS, offset, NIGHT, 0.0), read[topic](data), data)
        spent += time.process_time() - began
    began = time.perf_counter()
    work.update(NIGHT + 1)
    listed = time.perf_counter() - began
    each = 1e6 * spent / max(offset, 1)
    print(f"{incidents} incidents: {megabytes():.0f} MB, {offset} records, {each:.0f} us each")  # noqa: T201 - as above
    print(f"{len(work.items)} items of work listed in {listed:.2f} s")  # noqa: T201 - as above


if __name__ == "__main__":
    main(*map(int, (sys.argv[1:] + [str(SITES), str(INCIDENTS)][len(sys.argv) - 1 :])[:2]))
