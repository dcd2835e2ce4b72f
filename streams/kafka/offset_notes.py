"""What the metadata of a committed offset tells of its log: as exact as the offset, as it is committed with it.

Kafka takes 4,096 bytes of it (`offset.metadata.max.bytes`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

MOST_FAILED: Final = 100  # of 19 digits at the most


class OffsetNotes(NamedTuple):
    """Notes of one log.

    Attributes:
        deleted: how many offsets before the committed one were deleted before they were handled.
        passed: up to which offset the log was read. Between the committed offset and this one are markers of
            transactions and what was aborted, and no record. 0: not known to be further than the committed offset.
        failed: of ``sites``, the offsets of the records before the committed one on which the core failed; of more
            than `MOST_FAILED`, the last.

    """

    deleted: int = 0
    passed: int = 0
    failed: tuple[int, ...] = ()

    def words(self) -> str:
        """As they are committed; empty where there is nothing to note."""
        noted = {"deleted": self.deleted, "passed": self.passed, "failed": ",".join(map(str, self.failed))}
        return " ".join(f"{name}={value}" for name, value in noted.items() if value)


def read_notes(metadata: str | None) -> OffsetNotes:
    """Read what `OffsetNotes.words` wrote; nothing where another program has set the offset, and its own words."""
    words = dict(word.partition("=")[::2] for word in (metadata or "").split(" "))
    failed = words.get("failed", "").split(",")
    return OffsetNotes(
        _count(words.get("deleted", "")), _count(words.get("passed", "")), tuple(map(int, filter(_is_count, failed)))
    )


def _count(word: str) -> int:
    return int(word) if _is_count(word) else 0


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit()
