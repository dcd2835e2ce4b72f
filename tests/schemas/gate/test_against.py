"""The gate against the schemas of another release."""

import shutil
from pathlib import Path

from schemas.gate.release import release
from schemas.gate.shelf import read_shelf
from tests.schemas.gate.changes import NOTE, adds, change, refused


def test_two_equal_releases_read_each_other(folder: Path, production: Path) -> None:
    assert refused(folder, against=production) == []
    assert refused(folder, against=production / "released") == []


def test_what_production_would_not_read_after_a_roll_back_is_refused(folder: Path, production: Path) -> None:
    """Two releases at once: each step was taken, but production has seen none of them."""
    change(folder, "Alert", adds(NOTE))
    release(read_shelf(folder), "1.1")
    assert refused(folder, at="1.1", against=production) == []
    shutil.copy(folder / "released" / "Alert" / "2.avsc", folder / "Alert.avsc")
    release(read_shelf(folder), "1.2")
    assert refused(folder, at="1.2") == []
    (refusal,) = refused(folder, at="1.2", against=production)
    assert refusal.problem.startswith(f"is written, and {production} does not read it")


def test_what_production_released_stays_as_it_is_and_stays_compatible(folder: Path, production: Path) -> None:
    change(production, "Alert", adds({**NOTE, "type": ["null", "long"]}))
    release(read_shelf(production), "1.0")
    change(folder, "Alert", adds(NOTE))
    release(read_shelf(folder), "1.0")
    found = refused(folder, against=production)
    assert {(one.against, one.problem) for one in found} == {
        ((f"2 of {production}",), "is null or string and was null or long"),
        ((), f"is not what {production} released"),
        ((), f"is written, and {production} does not read it: after a roll-back its values could not be read"),
    }


def test_what_production_released_and_is_not_here_is_refused(folder: Path, production: Path) -> None:
    change(production, "Alert", adds(NOTE))
    release(read_shelf(production), "1.0")
    assert [(one.version, one.problem) for one in refused(folder, against=production)] == [
        (2, f"was released in {production} and is not here")
    ]
