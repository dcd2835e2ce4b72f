"""What the ledger is fed with: the topics, the schema of each, and where its rows go."""

from __future__ import annotations

from typing import Final, NamedTuple

from schemas.contract.topics import TOPICS
from sinks.rows import columns
from sinks.rows.columns import MakeRow


class Feed(NamedTuple):
    """One topic, without prefix. ``time`` is where its rows have the instant that decides on their month, if any."""

    topic: str
    make_row: MakeRow
    time: int | None

    @property
    def schema(self) -> str:
        """The schema of its values."""
        name = TOPICS[self.topic].schema
        assert name is not None, "dead letters are not fed in"
        return name

    @property
    def staging(self) -> str:
        """The table that its rows lie in before they are put into the ledger."""
        return f"staging_{self.topic.replace('-', '_')}"

    @property
    def put(self) -> str:
        """The query that puts them there."""
        return f"put_{self.topic.replace('-', '_')}"


# Alerts and operators' actions are among them because decisions only name them: when an alert came, what it was and
# why an operator closed an incident is in the record alone.
FEEDS: Final = (
    Feed("alerts", columns.of_alert, -3),
    Feed("call-results", columns.of_call_result, -3),
    Feed("dispatch-reports", columns.of_dispatch_report, -3),
    Feed("operator-actions", columns.of_operator_action, -3),
    Feed("calls", columns.of_call, -4),
    Feed("dispatches", columns.of_dispatch, -5),
    Feed("attention", columns.of_attention, -3),
    Feed("decisions", columns.of_decision, 5),
    Feed("quarantine", columns.of_quarantined, 4),
    Feed("readiness", columns.of_readiness, None),
)
