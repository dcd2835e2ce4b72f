"""Python's garbage collector, set for the ways in which processes use memory.

What a worker's chunk makes is let go with the chunk, and the core makes no cycles, so there is little to collect. A
collector that looks after every 700 new objects, as Python's does by itself, looks hundreds of times into each chunk,
and in the end into all that is held of a million sites: that takes a fifth of the time. So a worker looks between two
chunks (`collect_between_chunks`, `collect_if_due`), when a chunk's own objects are gone, and seldom at what is held. An
edge that remembers what it reads of Kafka has no such moment: it looks by itself, and seldom (`collect_seldom`).
"""

import gc
from typing import Final

# A worker: new objects that a look is worth; and how many looks at the youngest go for one at the older, and at all.
_NEW: Final = 100_000
_OLDER: Final = 20
_ALL: Final = 400
# An edge: after how many new objects, and after how many looks at older ones. What is read from Kafka makes no cycles,
# and all that is remembered of it would be looked through again and again, for a tenth of a second each time.
_SELDOM: Final = (50_000, 10, 20)

_looks = 0


def collect_between_chunks() -> None:
    """From now on nothing is collected but by `collect_if_due`; what is there stays for good."""
    collect_and_freeze()
    gc.disable()


def collect_seldom() -> None:
    """Look seldom from now on: before a process reads what there is."""
    gc.set_threshold(*_SELDOM)


def collect_and_freeze() -> None:
    """Never look again into what is there now: once a process has read it."""
    gc.collect()
    freeze()


def freeze() -> None:
    """What is there now, as after a restore, is not looked into again; it is let go like anything else."""
    gc.freeze()


def unfreeze_and_collect() -> None:
    """What was frozen is over: collect it before its like is read again."""
    gc.unfreeze()
    gc.collect()


def collect_if_due() -> None:
    """A chunk is done: see whether anything went round in circles."""
    global _looks  # noqa: PLW0603 - of the process, as the collector is
    if gc.get_count()[0] < _NEW:
        return
    _looks += 1
    gc.collect(2 if _looks % _ALL == 0 else 1 if _looks % _OLDER == 0 else 0)
