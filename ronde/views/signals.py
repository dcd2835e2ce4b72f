"""How a signal is shown: what was sent, and what the receiver made of it."""

from __future__ import annotations

from typing import Any

from edges.values import Signal
from ronde.shared.terminal import say
from service import rfc3339
from streams.formats.redaction import HIDDEN


def as_object(signal: Signal, *, personal: bool) -> dict[str, Any]:
    """A signal without its raw bytes; text and user only where what is personal is asked for."""
    value = signal._asdict()
    del value["raw"]
    for name in ("occurred_at", "raised_at", "received_at"):
        value[name] = None if value[name] is None else rfc3339.write(value[name])
    for name in ("text", "user"):
        if value[name] is not None and not personal:
            value[name] = HIDDEN
    return value


def _taken_for(shown: dict[str, Any]) -> str:
    if shown["outcome"] == "UNKNOWN_ACCOUNT":
        return "no transmitter has this account, so no alert was made of it (`ronde transmitters import`)"
    if shown["alert_id"] is None:
        return "no alert" if shown["site_id"] is None else f"site {shown['site_id']}, no alert"
    return f"{shown['kind']} of site {shown['site_id']}, alert {shown['alert_id']}"


def print_signal(shown: dict[str, Any]) -> None:
    """Print in a line what was sent, and below it what was made of it."""
    parts = [shown["qualifier"], shown["code"], shown["zone"] and f"zone {shown['zone']}"]
    sent = " ".join(filter(None, parts)) or "a frame"
    say(f"{shown['account']}: {sent} ({shown['meaning']}) at {shown['received_at']}, by {shown['receiver']}")
    say(f"  {shown['outcome']}: {_taken_for(shown)}" + (f"; {shown['reason']}" if shown["reason"] else ""))
    is_kept = shown["outcome"] not in {"REFUSED", "UNKNOWN_ACCOUNT"}
    how = "authenticated" if shown["authenticated"] else "not authenticated"
    say(f"  {how}: it came in the clear" if is_kept and not shown["authenticated"] else f"  {how}")
    if shown["text"]:
        say(f"  text: {shown['text']}")
