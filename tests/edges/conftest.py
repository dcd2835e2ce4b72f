"""Fixtures of several edges' tests."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def waits_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait after failures ends: the first is of a second, and a password may take a busy machine as long."""
    monkeypatch.setattr("edges.web.sign_in.time", SimpleNamespace(monotonic=lambda: 0.0))
