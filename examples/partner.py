"""A partner that sends guards: takes ronde's dispatch commands and reports each step. Start here, and change it.

It needs nothing of ronde but the schema files, and two packages: ``pip install confluent-kafka fastavro``. Copy the
folder ``schemas/``, or take these of it::

    schemas/DispatchCommand.avsc                what this program reads a command as
    schemas/released/DispatchCommand/*.avsc     what a command may have been written by
    schemas/DispatchReport.avsc                 what it writes a report by

    python partner.py --kafka localhost:9092 --partner-id azur-protection --schemas schemas --book azur.sqlite

No failure loses a command or reports a step twice, by three rules:

- a command is in the book (SQLite) before its place on the topic counts as read, so a crash has it come again;
- a command whose ``command_id`` is in the book is dropped, so that it may come again;
- a report is in the book before it is sent, under an id that follows from the dispatch and the step. It is sent until
  the broker has it; said twice, it has the same id, and ronde takes it once.

What a guard does is made up here: a step every ``--pace`` seconds. The guide to all of this is docs/partners.md.
"""

import argparse
import io
import json
import logging
import signal
import sqlite3
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, Final

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

SINGLE_OBJECT: Final = b"\xc3\x01"
CONFLUENT: Final = b"\x00"
STEPS: Final = ("ACCEPTED", "EN_ROUTE", "ON_SITE", "CLOSED")

BOOK: Final = """
CREATE TABLE IF NOT EXISTS commands (command_id TEXT PRIMARY KEY, dispatch_id TEXT NOT NULL, action TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reports (
    report_id TEXT PRIMARY KEY,
    dispatch_id TEXT NOT NULL,
    due REAL NOT NULL,  -- seconds since 1970: when the guard gets so far
    report TEXT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
);
"""

log = logging.getLogger("partner")


class Wire:
    """Bytes of Kafka to commands, and reports to bytes; instants are datetimes."""

    def __init__(self, schemas: Path, registry: str | None) -> None:
        self._registry = registry
        self._command = _schema(schemas / "DispatchCommand.avsc")
        versions = [self._command, *map(_schema, (schemas / "released" / "DispatchCommand").glob("*.avsc"))]
        self._written_by: dict[bytes, Any] = {_header(version): version for version in versions}
        self._report = _schema(schemas / "DispatchReport.avsc")

    def command(self, data: bytes) -> dict[str, Any]:
        """A command, every field of our schema present. LookupError: it was written by a schema we do not have."""
        size = 5 if data[:1] == CONFLUENT else 10
        header = data[:size]
        if header not in self._written_by:
            self._written_by[header] = self._fetched(header)
        value = fastavro.schemaless_reader(io.BytesIO(data[size:]), self._written_by[header], self._command)
        assert isinstance(value, dict)
        return value

    def report(self, value: dict[str, Any]) -> bytes:
        """A report in single-object encoding, which ronde takes with or without a registry."""
        out = io.BytesIO()
        out.write(_header(self._report))
        fastavro.schemaless_writer(out, self._report, value)
        return out.getvalue()

    def _fetched(self, header: bytes) -> Any:
        if header[:1] != CONFLUENT or self._registry is None:
            raise LookupError(f"no schema has the header {header.hex()}: copy schemas/released/ of the newest ronde")
        number = int.from_bytes(header[1:], "big")
        with urllib.request.urlopen(f"{self._registry}/schemas/ids/{number}", timeout=10) as answer:  # noqa: S310 - ours
            return parse_schema(json.loads(json.load(answer)["schema"]))


class Desk:
    """Decides what to say to a command, and keeps it in the book."""

    def __init__(self, book: Path, pace: timedelta) -> None:
        self._book = sqlite3.connect(book)
        self._book.executescript(BOOK)
        self._pace = pace

    def take(self, command: dict[str, Any], now: datetime) -> None:
        """Handle a command: all of it is in the book when this returns, or nothing is."""
        command_id, dispatch_id, action = command["command_id"], command["dispatch_id"], command["action"]
        with self._book:
            entered = self._book.execute(
                "INSERT OR IGNORE INTO commands VALUES (?, ?, ?)", (command_id, dispatch_id, action)
            )
            if entered.rowcount == 0:
                log.info("%s came again", command_id)
            elif action == "REQUEST":
                self._request(command, now)
            elif action == "AMEND":
                log.info("%s: tell the guard%s", command_id, ", covertly" if command["covert"] else "")
            elif action == "CANCEL":
                self._cancel(command, now)
            else:
                log.error("%s: a human must look, this program does not know what it asks for", command_id)

    def due(self, now: datetime) -> list[tuple[str, dict[str, Any]]]:
        """The reports to send by now, oldest first, each with its id."""
        rows = self._book.execute(
            "SELECT report_id, report FROM reports WHERE sent = 0 AND due <= ? ORDER BY due, rowid", (now.timestamp(),)
        )
        return [(report_id, json.loads(report)) for report_id, report in rows]

    def sent(self, report_id: str) -> None:
        """The broker has the report."""
        with self._book:
            self._book.execute("UPDATE reports SET sent = 1 WHERE report_id = ?", (report_id,))

    def _request(self, command: dict[str, Any], now: datetime) -> None:
        if self._has_reports(command["dispatch_id"]):
            log.info("%s: the guard is on the way already", command["command_id"])
        elif now > command["respond_by"]:
            # ronde asked again, or asked another partner; if it asked us again, that command comes next.
            log.warning("%s was read too late", command["command_id"])
        else:
            log.info("%s: a guard goes%s", command["command_id"], ", covertly" if command["covert"] else "")
            for step, status in enumerate(STEPS):
                disposition = "NOTHING_FOUND" if status == "CLOSED" else None
                self._plan(command, status, now + step * self._pace, disposition)

    def _cancel(self, command: dict[str, Any], now: datetime) -> None:
        """Turn the guard back. CLOSED confirms it; without that, ronde has a human look."""
        dispatch_id = command["dispatch_id"]
        self._book.execute(
            "DELETE FROM reports WHERE dispatch_id = ? AND sent = 0 AND due > ?", (dispatch_id, now.timestamp())
        )
        self._plan(command, "CLOSED", now, "CANCELLED")
        log.info("%s: called off", command["command_id"])

    def _plan(self, command: dict[str, Any], status: str, at: datetime, disposition: str | None) -> None:
        """Say this once the guard is so far, unless it is said already."""
        report = {
            "report_id": f"{command['dispatch_id']}-{status.lower().replace('_', '-')}",
            **{name: command[name] for name in ("site_id", "incident_id", "dispatch_id", "partner_id")},
            "status": status,
            "disposition": disposition,
            "reported_at": at.isoformat(),
        }
        self._book.execute(
            "INSERT OR IGNORE INTO reports (report_id, dispatch_id, due, report) VALUES (?, ?, ?, ?)",
            (report["report_id"], command["dispatch_id"], at.timestamp(), json.dumps(report)),
        )

    def _has_reports(self, dispatch_id: str) -> bool:
        rows = self._book.execute("SELECT 1 FROM reports WHERE dispatch_id = ? LIMIT 1", (dispatch_id,))
        return rows.fetchone() is not None


def serve(options: argparse.Namespace, stop: Event) -> None:
    """Take commands and send reports until ``stop``."""
    desk, wire = Desk(options.book, timedelta(seconds=options.pace)), Wire(options.schemas, options.registry)
    client = {"bootstrap.servers": options.kafka, **dict(pair.split("=", 1) for pair in options.property)}
    consumer = Consumer(
        {
            **client,
            "group.id": f"{options.prefix}partner.{options.partner_id}",
            "group.instance.id": options.partner_id,  # one process a book; restarted, it is back at once
            "isolation.level": "read_committed",  # what an aborted transaction said was never said
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,  # a place counts as read once the book has its command
        }
    )
    producer = Producer(
        {
            **client,
            "partitioner": "murmur2_random",  # librdkafka's own default puts reports where ronde does not look
            "enable.idempotence": True,
            "delivery.timeout.ms": 30_000,
        }
    )
    consumer.subscribe([f"{options.prefix}dispatches"])
    log.info("reads %sdispatches as %s", options.prefix, options.partner_id)
    try:
        while not stop.is_set():
            send(desk, wire, producer, f"{options.prefix}dispatch-reports")
            message = consumer.poll(0.1)
            if message is None:
                continue
            if error := message.error():
                if error.fatal():
                    raise KafkaException(error)
                log.warning("Kafka: %s", error.str())
                continue
            value = message.value()
            assert value is not None  # commands have no tombstones
            command = wire.command(value)
            if command["partner_id"] == options.partner_id:
                desk.take(command, datetime.now(UTC))
            consumer.store_offsets(message)
    finally:
        consumer.close()


def send(desk: Desk, wire: Wire, producer: Producer, topic: str) -> None:
    """Send what is due, and note what the broker has; what it has not is due again."""
    undelivered: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            undelivered.append(error)

    for report_id, report in desk.due(datetime.now(UTC)):
        value = wire.report({**report, "reported_at": datetime.fromisoformat(report["reported_at"])})
        producer.produce(topic, value, report["site_id"].encode(), on_delivery=delivered)
        producer.flush()
        if undelivered:
            log.warning("%s is sent again, Kafka did not take it: %s", report_id, undelivered[0].str())
            return
        desk.sent(report_id)
        log.info("%s", report_id)


def _schema(file: Path) -> Any:
    return parse_schema(json.loads(file.read_text("utf-8")))


def _header(schema: Any) -> bytes:
    """What single-object encoding has before a value: the fingerprint of the schema that wrote it."""
    return SINGLE_OBJECT + bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def main() -> None:
    """Be a partner until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="A partner that sends guards.")
    parser.add_argument("--kafka", required=True, help="where Kafka is, host:port")
    parser.add_argument("--partner-id", required=True, help="the id that sites name this partner by")
    parser.add_argument("--schemas", type=Path, required=True, help="the folder of the schema files")
    parser.add_argument("--book", type=Path, required=True, help="where commands and reports are kept (SQLite)")
    parser.add_argument("--prefix", default="ronde.", help="what stands before the topics' names (ronde.)")
    parser.add_argument("--registry", help="the URL of the schema registry, where there is one")
    parser.add_argument("--pace", type=float, default=10.0, help="seconds from one step of the guard to the next (10)")
    parser.add_argument("--property", action="append", default=[], help="of librdkafka, for SASL and TLS: NAME=VALUE")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    logging.Formatter.converter = time.gmtime
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(options, stop)


if __name__ == "__main__":
    main()
