"""The values that the receiver writes."""

from __future__ import annotations

from edges.values import Alert, Signal

__all__ = ["Alert", "Signal"]
