"""The live view of the stories: a table on a terminal, else one line a decision."""

from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ronde.demo.endings import has_strayed, is_as_planned
from ronde.demo.stories import BACKGROUND, STORIES, Story
from ronde.views.site_timeline.board import Board, Record, SiteView
from ronde.views.site_timeline.moments import PHASE_COLOURS

FRAMES_PER_SECOND: Final = 8
PLAIN_WIDTH: Final = 120
MINUTES_FROM: Final = 100  # seconds
TITLES: Final = {story.site_id: story.title for story in (*STORIES, *BACKGROUND)}


def console() -> Console:
    """Standard output; wide without a terminal."""
    wide = Console()
    return wide if wide.is_terminal else Console(width=PLAIN_WIDTH)


class Screen(Protocol):
    """Shows records as they arrive and time as it passes, until it is closed."""

    def show(self, records: list[tuple[str, Record]], now: int) -> None:
        """New records of the out topics, each with its topic; ``now`` in ms since 1970, UTC."""

    def close(self) -> None:
        """Leave what was shown."""


class LiveTable:
    """The table of all stories, drawn again and again. ``started_at`` in ms since 1970, UTC."""

    def __init__(self, console: Console, board: Board, started_at: int) -> None:
        self._board, self._started_at = board, started_at
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._drawn_at = 0

    def show(self, records: list[tuple[str, Record]], now: int) -> None:
        """Redraw the table a few times a second, and when a record arrives."""
        self._live.start()  # the first time
        if records or now - self._drawn_at >= 1000 / FRAMES_PER_SECOND:
            self._drawn_at = now
            self._live.update(frame(self._board, now, self._started_at), refresh=True)

    def close(self) -> None:
        """Leave the table as it was drawn last."""
        self._live.stop()


class PlainLines:
    """One line a decision or quarantined alert, for logs and pipes. ``started_at`` in ms since 1970, UTC."""

    def __init__(self, console: Console, started_at: int) -> None:
        self._console, self._started_at = console, started_at

    def show(self, records: list[tuple[str, Record]], now: int) -> None:  # noqa: ARG002 - time shows in the records
        """Print what was decided."""
        for topic, record in records:
            if topic in {"decisions", "quarantine"}:
                self._console.print(self._line(topic, record), markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Nothing is left to do."""

    def _line(self, topic: str, record: Record) -> str:
        since = (record["at"] - self._started_at) / 1000
        if topic == "quarantine":
            phase, rule = "QUARANTINED", quarantine_text(record)
        else:
            phase, rule = record["phase_to"] or "", record["rule"]
            if record["round"]:
                phase += f" {call_text(record)}"
        title = TITLES.get(record["site_id"], "")
        return f"{since:+7.1f} s  {record['site_id']}  {phase:<15} {rule:<22} {title}".rstrip()


def frame(board: Board, now: int, started_at: int) -> RenderableType:
    """Return the table at ``now``: a row a story, then the other sites in one line."""
    # Fixed widths, 79 columns in all: nothing jumps while the stories run.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for heading, width in (("", 1), ("site", 4), ("story", 30), ("phase", 11), ("call", 4)):
        table.add_column(heading, width=width, no_wrap=True)
    table.add_column("left", width=4, no_wrap=True, justify="right")
    table.add_column("last rule", width=20, no_wrap=True)
    for story in STORIES:
        table.add_row(*_row(story, board.site(story.site_id), now))
    return Group(table, Text(), _quiet_line(board), _sum_line(board, now, started_at))


def call_text(decision: Record) -> str:
    """Round and position of the outstanding call, as ``2.1``; empty without one."""
    return f"{decision['round']}.{decision['position']}" if decision["round"] else ""


def quarantine_text(quarantined: Record) -> str:
    """Why an alert was quarantined, with what the customer must still fill in."""
    return " ".join((quarantined["reason"], *quarantined["missing"]))


def mark(story: Story, view: SiteView, *, is_over: bool = False) -> Text:
    """✓ once the story has reached its ending, ✗ if it no longer can or it is too late (``is_over``), else nothing."""
    if is_as_planned(story, view):
        return Text("✓", "bold green")
    return Text("✗", "bold red") if is_over or has_strayed(story, view) else Text(" ")


def _row(story: Story, view: SiteView, now: int) -> tuple[RenderableType, ...]:
    last = view.last
    if view.quarantine:
        came = ("QUARANTINED", "", "", view.quarantine[-1]["reason"])
        colour = "blue"
    elif last is None:
        came, colour = ("", "", "", ""), ""
    else:
        left = _left(last["deadline"], now)
        came = (last["phase_to"] or "", call_text(last), left, last["rule"])
        colour = PHASE_COLOURS.get(last["phase_to"], "")
    phase, call, left, rule = came
    title = Text(story.title, "" if last or view.quarantine else "dim")
    return mark(story, view), story.site_id, title, Text(phase, colour), call, left, rule


def _left(deadline: int | None, now: int) -> str:
    """The time to a deadline, whole seconds or minutes; empty without one."""
    if deadline is None:
        return ""
    seconds = max(0, deadline - now) / 1000
    return f"{seconds:.0f} s" if seconds < MINUTES_FROM else f"{seconds / 60:.0f} m"


def _quiet_line(board: Board) -> Text:
    raised = [story for story in BACKGROUND if board.site(story.site_id).decisions]
    settled = sum(is_as_planned(story, board.site(story.site_id)) for story in BACKGROUND)
    return Text(f"  17 other sites: {len(raised)} alerts, {settled} resolved at the first call", "dim")


def _sum_line(board: Board, now: int, started_at: int) -> Text:
    told = sum(is_as_planned(story, board.site(story.site_id)) for story in STORIES)
    return Text(
        f"  {(now - started_at) / 1000:4.1f} s: {told} of {len(STORIES)} ended as told; inputs: "
        f"{len(board.decided)} decided, {len(board.quarantined)} quarantined, {len(board.dead)} dead",
        "dim",
    )
