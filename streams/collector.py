"""Python's garbage collector, told how a worker uses memory.

What a chunk makes is let go with the chunk, and the core makes no cycles, so there is little to collect; but a
collector that looks after every 700 new objects, as Python's default is, looks hundreds of times into each chunk,
and in the end into everything that is held of a million sites. It takes a fifth of the time.
"""

import gc
from typing import Final

# New objects until the youngest are looked at (a chunk makes about 200,000), and how seldom the older ones are.
_THRESHOLDS: Final = (100_000, 20, 10)


def settle() -> None:
    """From now on look seldom; what is there stays for good."""
    gc.collect()
    keep()
    gc.set_threshold(*_THRESHOLDS)


def keep() -> None:
    """What is there now, as after a restore, is not looked into again; it is let go like anything else."""
    gc.freeze()
