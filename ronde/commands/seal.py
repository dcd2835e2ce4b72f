"""`ronde seal`: the hash of every record in a signed tree, outside of the ledger (docs/evidence.md)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import psycopg
import typer

from ronde.outcomes.sealed_dossier import commitments
from ronde.shared.errors import START_POSTGRES, Failed
from ronde.shared.settings import SettingsOption, in_force
from ronde.shared.terminal import say
from ronde.shared.topic_reading import opened
from ronde.shared.whole_settings import WholeSettings
from seal import keys
from seal.checking import check_heads, check_records
from seal.commitments import SEALED
from seal.errors import SealError
from seal.sealing import Sealing
from seal.store import Store, connect
from service import logs as service_logs
from service.postgres import reason
from streams.kafka.reading import LogRecord, Logs, Span

app = typer.Typer(
    help="Keep the hash of every record in a signed tree, so that a dossier can be checked by others.",
    invoke_without_command=True,
)
_LONGEST: Final = 50  # findings


@app.callback()
def seal(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Seal what the topics hold by now, sign a head, and end.")
    ] = False,
    settings: SettingsOption = None,
) -> None:
    """Read the topics, keep each record's hash in PostgreSQL, and sign a head an hour. Ends on SIGTERM or Ctrl-C.

    One process is enough, and a second one ends at once. Alerts, workers and sinks do not wait for it.
    """
    if context.invoked_subcommand is not None:
        return
    effective = in_force(settings)
    service_logs.configure(effective.log.format, effective.log.level)
    with _store(effective) as store:
        sealing = Sealing(effective.for_seal(), store)
        try:
            if once:
                head = sealing.once()
                say(f"head {head.number}:{head.digest}")
            else:
                sealing.run(_stopping().is_set)
        finally:
            sealing.close()


@app.command()
def key(settings: SettingsOption = None) -> None:
    """Make the key that signs heads (seal.key_file), and print its public key: publish it."""
    path: Path = in_force(settings).seal.key_file
    try:
        say(keys.public_hex(keys.create(path)))
    except SealError as error:
        raise Failed(str(error)) from None


@app.command()
def check(settings: SettingsOption = None) -> None:
    """Recompute what the topics still hold: it must meet the kept leaves, and these the heads. Exit 1 if not."""
    effective = in_force(settings)
    with opened(effective, "reading", only=SEALED) as (logs, _), _store(effective) as store:
        found = [*check_heads(store), *check_records(store, commitments(effective, store), _records(logs))]
        heads = store.heads()
    if found:
        more = [f"and {len(found) - _LONGEST:,} more"] if len(found) > _LONGEST else []
        raise Failed("\n".join([*found[:_LONGEST], *more]))
    say(f"{len(heads):,} heads, and every record that the topics still hold: all as sealed")
    if heads:
        say(f"head {heads[-1].number}:{heads[-1].digest}")


@contextmanager
def _store(settings: WholeSettings) -> Iterator[Store]:
    try:
        with connect(settings.postgres) as connection:
            yield Store(connection)
    except SealError as error:
        raise Failed(str(error)) from None
    except psycopg.Error as error:
        raise Failed(f"PostgreSQL cannot be used: {reason(error)}. {START_POSTGRES}") from None


def _records(logs: Logs) -> Iterator[LogRecord]:
    for number in range(logs.require(SEALED)):
        for topic in SEALED:
            log = (topic, number)
            yield from logs.read(Span(*log, logs.offsets.first([log])[log], logs.offsets.last_stable([log])[log]))


def _stopping() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
