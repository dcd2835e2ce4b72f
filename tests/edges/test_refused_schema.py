"""A registry that refuses our schema ends a process with its words: waiting would not help."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

import pytest

from ronde.commands import desk, receiver
from ronde.shared.errors import Failed
from schemas.avro.errors import RegistryRefused
from service import logs

WORDS = "the schema registry refused our schema for ronde.claims-value (HTTP 409)"


@pytest.mark.parametrize(("command", "process"), [(desk, "DeskProcess"), (receiver, "ReceiverProcess")])
def test_a_schema_that_the_registry_refuses_is_told_in_its_words(
    monkeypatch: pytest.MonkeyPatch, command: ModuleType, process: str
) -> None:
    async def refused(_: Any) -> None:
        raise RegistryRefused(WORDS)

    monkeypatch.setattr(logs, "configure", lambda *_: logging.getLogger())
    monkeypatch.setattr(getattr(command, process), "run", refused)
    with pytest.raises(Failed) as failed:
        getattr(command, command.__name__.rpartition(".")[2])(None)
    assert str(failed.value) == WORDS
