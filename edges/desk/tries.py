"""Words that were tried, in the log's order: what each counts as in its call, and the wrong ones of a site."""

from __future__ import annotations

from typing import Final

from edges.values import DeskEvent

TRIES: Final = 3  # words a call
WITHIN_MS: Final = 3600 * 1000  # for so long a wrong word counts for its site
WRONG_WORDS: Final = 10  # for a site within that; beyond, supervisors only
BEYOND: Final = "RIGHT_BEYOND"  # a right word behind so many wrong ones


def take_try(
    event: DeskEvent, subject: str, tries: dict[str, tuple[str, ...]], wrong_at: dict[str, tuple[int, ...]]
) -> None:
    """Take a word into those of its call, ``tries``, and into the times of its site's wrong ones."""
    recent = tuple(at for at in wrong_at.get(event.site_id, ()) if at > event.at - WITHIN_MS)
    verdict = event.detail or ""
    if verdict == "WRONG":
        wrong_at[event.site_id] = (*recent, event.at)
    elif verdict == "RIGHT" and len(recent) >= WRONG_WORDS:
        verdict = BEYOND  # who tried it was refused, unless they are a supervisor: only the log's order says so
    tries[subject] = (*tries.get(subject, ()), verdict)
