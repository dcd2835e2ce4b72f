"""What must always hold does hold, for any inputs in any order (the checks are in `world.py`)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.escalation.values import Decision
from tests.escalation.world import World
from tests.support.examples import examples


@pytest.mark.slow  # `make simulate` plays 1,000
@examples(100)
@given(st.integers(min_value=0, max_value=2**32))
def test_no_world_breaks_the_procedure(seed: int) -> None:
    world = World(seed)
    world.run(120)
    # Left alone, every open incident goes on by itself: its deadline fires.
    open_incidents = {incident.incident_id for incident in world.state.incidents}
    seen = len(world.outputs)
    world.run_to(world.now + 6 * 3_600_000)
    later = {output.value.incident_id for output in world.outputs[seen:] if isinstance(output.value, Decision)}
    assert open_incidents <= later


def test_the_same_seed_gives_the_same_world() -> None:
    worlds = [World(7), World(7)]
    for world in worlds:
        world.run(300)
    assert worlds[0].outputs == worlds[1].outputs
    assert len(worlds[0].outputs) > 300
