"""Without `registry.url`, values that workers framed for a registry are not sealed, and everything says why."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ronde.shared.whole_settings import WholeSettings
from schemas.avro.errors import RegistryNotSet
from schemas.avro.framing import SINGLE_OBJECT_SIZE, confluent
from schemas.avro.loader import load
from seal.commitments import Commitments
from tests.conftest import Run
from tests.kafka.published import publish
from tests.seal.bench import resolved_night
from tests.seal.test_schemas import ALERT, HEADER, WHOLE, record


def test_without_a_registry_no_worker_s_value_is_sealed_as_one_field() -> None:
    made = Commitments(lambda *_: b"s" * 32)
    (decision, *_) = resolved_night().logs["decisions"]
    framed = HEADER + (decision.value or b"")[SINGLE_OBJECT_SIZE:]
    with pytest.raises(
        RegistryNotSet, match=r"values of decisions are framed for a schema registry, and registry\.url is not"
    ):
        made.parts(decision._replace(value=framed))
    assert made.parts(decision).layout.schema, "as workers without a registry write it"
    for other in (
        decision._replace(value=HEADER),
        decision._replace(value=framed + b"?"),  # no worker's
        record(HEADER + ALERT),  # a sender's, whom workers without a registry do not read either
    ):
        assert made.parts(other).layout.names == WHOLE


@pytest.mark.server
def test_values_of_a_registry_wait_for_the_setting(
    house: tuple[WholeSettings, Path],
    client_log: logging.Logger,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where `registry.url` is lost, nothing is sealed that no dossier could have later."""
    settings, file = house
    book = resolved_night()
    for topic in ("decisions", "calls"):
        book.logs[topic] = [
            one._replace(value=confluent(7) + (one.value or b"")[SINGLE_OBJECT_SIZE:]) for one in book.logs[topic]
        ]
    publish(book, settings, client_log)
    incident = str(resolved_night().decisions()[0].incident_id)
    commands = (("seal", "--once"), ("seal", "check"), ("incident", "export", incident, "--sealed", "--to", tmp_path))

    def said(command: tuple[str | Path, ...]) -> tuple[int, bool]:
        ran = run(*command, "--settings", file)
        return ran.exit, "are framed for a schema registry" in ran.err and "registry.url" in ran.err

    assert said(commands[0]) == (1, True)
    schema = {"decisions": load("Decision"), "calls": load("CallCommand")}
    with monkeypatch.context() as registry:
        parts = Commitments._layout
        registry.setattr(
            Commitments,
            "_layout",
            lambda self, topic, header: (
                self._known(topic, schema[topic]) if topic in schema else parts(self, topic, header)
            ),
        )
        assert run("seal", "--once", "--settings", file).exit == 0
    assert [said(command) for command in commands[1:]] == [(1, True)] * 2
