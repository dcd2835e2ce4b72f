"""Shows what a local server fetches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from ronde.local import jars


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
