"""`ronde seal`: the hash of every record in a signed tree, outside of the ledger (docs/evidence.md)."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from ronde.shared.errors import Failed, WrongUse, failing_on
from ronde.shared.settings import SettingsOption, in_force
from ronde.shared.terminal import say
from ronde.shared.topic_reading import opened
from ronde.views.incident.sealed_dossier import commitments, seal_errors_as_failures
from schemas.contract.topics import Log
from seal import keys
from seal.checking import check_heads, check_nodes, check_records, known_logs
from seal.commitments import SEALED, Commitments
from seal.errors import SealError
from seal.process import SealProcess
from seal.sealing import Sealing
from seal.store import Store, TreeState, connect, connect_to_seal, make_schema
from service import logs as service_logs
from streams.kafka.reading import Logs, Span

app = typer.Typer(invoke_without_command=True)
_LONGEST: Final = 50  # findings
_DIGEST: Final = 64  # hex digits


@app.callback()
def seal(
    context: typer.Context,
    once: Annotated[
        bool,
        typer.Option("--once", help="Seal what the topics hold by now, sign a head, and end; also beside a process."),
    ] = False,
    settings: SettingsOption = None,
) -> None:
    """Keep the hash of every record in a signed tree, so that a dossier can be checked by others.

    Without a command: read the topics, keep each record's hash in PostgreSQL, and sign a head an hour. Ends on SIGTERM
    or Ctrl-C.

    One process is enough, and a second one ends at once; with --once it has the first one seal. Alerts, workers and
    sinks do not wait for it.
    """
    if context.invoked_subcommand is not None:
        return
    effective = in_force(settings)
    service_logs.configure(effective.log.format, effective.log.level)
    if not once:
        with seal_errors_as_failures():
            SealProcess(effective.for_seal()).run()
        return
    with seal_errors_as_failures(), connect_to_seal(effective.postgres) as connection:
        make_schema(connection)
        with contextlib.closing(Sealing(effective.for_seal(), Store(connection))) as sealing:
            head = sealing.once()
    say(f"head {head.number}:{head.digest}")


@app.command()
def key(settings: SettingsOption = None) -> None:
    """Make the key that signs heads (seal.key_file), and print its public key: publish it."""
    path: Path = in_force(settings).seal.key_file
    with failing_on(SealError):
        say(keys.public_hex(keys.create(path)))


@app.command()
def check(
    heads: Annotated[
        list[str] | None, typer.Option("--head", metavar="NUMBER:SHA256", help="A head that was published.")
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Recompute what the topics still hold: it must meet the kept leaves, and these the heads. Exit 1 if not."""
    published = [_head(text) for text in heads or ()]
    effective = in_force(settings)
    with (
        opened(effective, "reading", only=SEALED) as (logs, _),
        seal_errors_as_failures(),
        connect(effective.postgres) as connection,
    ):
        store = Store(connection)
        later: Counter[Log] = Counter()
        found = [*check_heads(store, published), *_check(store, commitments(effective, store), logs, later)]
        last = store.last_head()
    if found:
        more = [f"and {len(found) - _LONGEST:,} more"] if len(found) > _LONGEST else []
        raise Failed("\n".join([*found[:_LONGEST], *more]))
    but = f", but for {later.total():,} not sealed yet" if later else ""
    say(f"{last.number if last else 0:,} heads, and every record that the topics still hold{but}: all as sealed")
    if last:
        say(f"head {last.number}:{last.digest}")


def _head(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != _DIGEST:
        raise WrongUse(f"--head {text!r}: write it as `ronde seal` prints it, NUMBER:SHA256")
    return int(number), digest.lower()


def _check(store: Store, opener: Commitments, logs: Logs, later: Counter[Log]) -> Iterator[str]:
    """Yield what does not hold of the records. Sets ``later``: how many of a log are not sealed yet."""
    trees, known = store.trees(), known_logs(store)
    for number in range(logs.require(SEALED)):
        for topic in SEALED:
            log = (topic, number)
            tree = trees.get(log, TreeState(0, 0))
            first, end = logs.offsets.first([log])[log], logs.offsets.last_stable([log])[log]
            yield from check_nodes(store, log, tree)
            records = logs.read(Span(*log, first, end))
            count = yield from check_records(store, opener, log, tree, records, first)
            if count and log not in known:
                yield f"MISSING: {topic}-{number} has {count:,} records, and none was ever sealed"
            elif count:
                later[log] = count
