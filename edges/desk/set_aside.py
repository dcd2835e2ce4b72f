"""Sites that the engine set aside: what was open there has ended, without a decision (procedure.md §7)."""

from __future__ import annotations

from edges.desk.incident import Incident
from edges.values import Attention


class SetAside:
    """When each was set aside last: decisions of before may be read later."""

    def __init__(self) -> None:
        self._at: dict[tuple[int, str], int] = {}  # by partition and site

    def take(self, partition: int, attention: Attention) -> bool:
        """Take an attention, and return whether it says that its site was set aside."""
        if attention.reason != "FAILED" or attention.incident_id is not None:
            return False
        site = (partition, attention.site_id)
        self._at[site] = max(attention.raised_at, self._at.get(site, 0))
        return True

    def mark(self, incident: Incident) -> None:
        """Have an incident know whether its site was set aside behind its last decision.

        An input of the same instant comes after it, so what that opens (version 1) goes on.
        """
        at = self._at.get((incident.partition, incident.site_id))
        is_behind = at is not None and (
            incident.at < at or (incident.at == at and (incident.opened_at is None or incident.opened_at < at))
        )
        incident.set_aside_at = at if is_behind and incident.phase != "CLOSED" else None

    def forget(self, before: int) -> None:
        """Let go of what was long ago."""
        self._at = {site: at for site, at in self._at.items() if at > before}
