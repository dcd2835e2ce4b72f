"""The kinds of alerts, as `Alert.avsc` has them, and which is the more urgent one (procedure.md §1)."""

from typing import Final, Literal, TypeAlias

AlertKind: TypeAlias = Literal["INTRUSION", "HOLD_UP", "TAMPER", "FIRE", "OTHER"]
# What a transmitter's code may be read as.
OverrideKind: TypeAlias = Literal[AlertKind, "IGNORE"]
# Of which code: Contact ID's, or SIA's. It is compared as it is, so one of another form would never match.
OVERRIDE_CODE: Final = r"^([0-9A-F]{3}|[A-Z]{2})$"

BY_URGENCY: Final[tuple[AlertKind, ...]] = ("HOLD_UP", "FIRE", "INTRUSION", "TAMPER", "OTHER")
"""The most urgent first."""
