"""The archive that lets the tests' brokers start quickly does not pile up."""

from pathlib import Path

from tests.support import java_archive


def test_an_archive_takes_the_place_of_those_that_its_environment_made_before(tmp_path: Path) -> None:
    name = java_archive.path().name
    series = name.rpartition("-")[0]
    kept = {name, "tests-01234567-0123456789abcdef.aot", f"{series}-0123456789abcdef.lock"}
    for each in (*kept, f"{series}-0123456789abcdef.aot"):
        (tmp_path / each).touch()
    java_archive.remove_older(tmp_path / name)
    assert {file.name for file in tmp_path.iterdir()} == kept
