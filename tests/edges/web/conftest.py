"""What the tests of the web parts share."""

from tests.support.browser import browser

__all__ = ["browser"]
