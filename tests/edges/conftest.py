"""Fixtures of several edges' tests."""

import pytest

from edges.web.sign_in import SignIn


@pytest.fixture
def waits_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait after failures ends: the first is of a second, and a password may take a busy machine as long."""
    monkeypatch.setattr(SignIn.__init__, "__defaults__", (lambda: 0.0,))
