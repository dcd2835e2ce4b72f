"""The flag that writes the stories down as the core tells them now."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the golden timelines as they are told now")
