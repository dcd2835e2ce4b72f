"""`make simulate SEEDS=n`: n random worlds, every step of each checked; names the seeds that break one.

python -m tests.escalation.seeds 100000 [first seed]
"""

import os
import sys
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.progress import track

from streams.escalation.values import Decision
from tests.escalation.world import World
from tests.support.times import START

STEPS = 120


def run(seed: int) -> tuple[int, str | None, int, int, Counter[str]]:
    """A world from its seed: what broke it (None: nothing), virtual ms, records, decisions by rule."""
    world = World(seed)
    broke = None
    try:
        world.run(STEPS)
        world.run_to(world.now + 6 * 3_600_000)
    except Exception:  # noqa: BLE001 - any failure is a finding
        broke = traceback.format_exc(limit=-4)
    rules: Counter[str] = Counter(output.value.rule for output in world.outputs if isinstance(output.value, Decision))
    return seed, broke, world.now - START, len(world.outputs), rules


def main() -> int:
    """Run the seeds on all cores; 0 when none broke."""
    count = int(sys.argv[1])
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    console = Console()
    broken: dict[int, str] = {}
    rules: Counter[str] = Counter()
    virtual_ms = records = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        worlds = pool.map(run, range(first, first + count), chunksize=50)
        for seed, broke, lasted, said, decided in track(worlds, "worlds", count, console=console):
            virtual_ms += lasted
            records += said
            rules += decided
            if broke is not None:
                broken[seed] = broke
    console.print(f"{count} worlds of {STEPS} steps, {virtual_ms / 86_400_000 / 365:.1f} years, {records} records")
    console.print(", ".join(f"{rule} {times}" for rule, times in rules.most_common()))
    for seed, broke in list(broken.items())[:5]:
        console.print(f"seed {seed} breaks:\n{broke}", markup=False)
    console.print(f"{len(broken)} broken" + (f": {list(broken)[:50]}" if broken else ""))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
