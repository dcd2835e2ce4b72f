"""`ronde simulate`: the core in virtual time, no Kafka (contracts.md, Command line)."""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.status import Status

from ronde.shared.errors import Failed, WrongUse
from ronde.shared.lines import BLOCK, FileArgument, name_of, opened
from ronde.shared.plain import plain
from ronde.shared.settings import SettingsOption, in_force
from ronde.shared.times import instant
from ronde.views.site_timeline import simulated
from streams.simulation import scenario

_COLLECT_EVERY: Final = 100_000  # new objects; Python's default is 700
_PATIENCE_SECONDS: Final = 3.0  # before a terminal shows the progress
_SHOW_EVERY: Final = 5000  # lines
_DELETE: Final = b"\x7f"  # the one control character of ASCII that JSON writers leave


def simulate(
    file: FileArgument = "-",
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Let the clock run on to this instant (RFC 3339), inclusive."),
    ] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Print what happened at each site, as `ronde demo` does.")
    ] = False,
    settings: SettingsOption = None,
) -> None:
    """Play inputs through the procedure in virtual time, without Kafka.

    An input is a line {"at": TIME, "topic": "alerts", "value": {...}}; an output record is such a line with
    its key. The clock stops at the last line, or at --until.
    """
    end = None if until is None else instant("--until", until)
    procedures = in_force(settings).procedures()
    # The core makes no cycles and the sites stay: the collector would traverse them in vain.
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)
    try:
        # Reopened: bytes in any locale, large blocks, and nothing left to flush into a closed pipe.
        with (
            open(sys.stdout.fileno(), "wb", buffering=BLOCK, closefd=False) as out,
            opened(file) as lines,
            _with_progress(lines) as counted,
        ):
            if timeline:
                simulated.show(counted, lambda lines: scenario.play(lines, procedures, end))
            else:
                out.writelines(map(_plain, map(scenario.render, scenario.play(counted, procedures, end))))
    except scenario.BadLine as error:
        raise WrongUse(f"{name_of(file)}, {error}") from None
    except scenario.EndsTooEarly as error:
        raise WrongUse(f"--until: {error}; give a later time, or none") from None
    except BrokenPipeError:
        raise  # the reader closed the pipe: typer ends quietly
    except OSError as error:
        raise Failed(f"standard output: {error.strerror}; the records are not complete") from None


def _plain(line: bytes) -> bytes:
    """Return a line of JSON with the characters escaped that a terminal would act on."""
    return line if line.isascii() and _DELETE not in line else plain(line.decode()).encode()


@contextmanager
def _with_progress(lines: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """Yield the lines; if they take long, show their number on an otherwise silent terminal."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield lines
        return
    status = Console(stderr=True).status("")
    try:
        yield _counted(lines, status)
    finally:
        status.stop()


def _counted(lines: Iterator[bytes], status: Status) -> Iterator[bytes]:
    begun = time.monotonic()
    for number, line in enumerate(lines, start=1):
        if number % _SHOW_EVERY == 0 and time.monotonic() - begun > _PATIENCE_SECONDS:
            status.update(f"{number:,} lines")
            status.start()
        yield line
