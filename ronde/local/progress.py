"""Shows what a local server fetches, and the steps of a command that starts some."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from ronde.local import jars, postgres_binaries


@contextmanager
def fetching() -> Iterator[jars.Progress]:
    """Show what is fetched, if anything: a bar on a terminal, else a line per quarter. Yields the one to tell."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("fetching Apache Kafka", visible=False)
        said = -1

        def tell(fetched: int, total: int) -> None:
            nonlocal said
            bar.update(task, completed=fetched, total=total, visible=fetched < total)
            if not console.is_terminal and (quarter := 4 * fetched // total) > said:
                said = quarter
                console.print(f"fetching Apache Kafka: {decimal(fetched)} of {decimal(total)}", highlight=False)

        yield tell


def fetch_kafka() -> None:
    """Fetch what Kafka runs from, where it is not there yet."""
    if jars.missing():
        with fetching() as progress:
            jars.fetch(progress)


def fetch_postgres(console: Console) -> None:
    """Fetch PostgreSQL's programs, where they are not there yet."""
    if not postgres_binaries.folder().exists():
        console.print(f"fetching PostgreSQL {postgres_binaries.VERSION} (15 to 35 MB)", style="dim")
        postgres_binaries.fetch()


@contextmanager
def step(console: Console, doing: str) -> Iterator[list[str]]:
    """Show a step in progress, then its result, which the block appends to the list (default: what it did)."""
    began, done = time.monotonic(), list[str]()
    with console.status(f"{doing} …"):
        yield done
    text = f"{done[0] if done else doing:<66}"
    console.print(Text.assemble(("✓ ", "green"), text, (f"{time.monotonic() - began:5.1f} s", "dim")))
