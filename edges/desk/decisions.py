"""What operators decide and note, and what is written of it."""

from __future__ import annotations

import time
from functools import partial

from edges.desk import rules
from edges.desk.holding import Holding
from edges.desk.incident import Awaited, Incident
from edges.desk.merged import MergedKinds
from edges.desk.own_records import Operator, OwnRecords
from edges.desk.problems import CHANGED, SUPERVISOR_ONLY
from edges.desk.reader import NotReadError
from edges.desk.state import ACCOUNT
from edges.kafka.errors import UnconfirmedError
from edges.values import DeskEvent, OperatorAction
from edges.web.problems import NOT_FOUND
from schemas.contract.content_ids import digest


class Decisions:
    """Closing, sending a guard, looking, noting."""

    def __init__(self, holding: Holding, own: OwnRecords, merged: MergedKinds) -> None:
        self._holding = holding
        self._merged = merged
        self._state = holding.state
        self._own = own
        self._writer = own.writer

    async def act(
        self, operator: Operator, incident: Incident, action: str, reason: str, key: str, seen_version: int, at: int
    ) -> str:
        """Close an incident, or send a guard; return the action's id. Raises CHANGED, STALE, SUPERVISOR_ONLY."""
        action_id = rules.action_id(incident.id, action, key)
        if action_id in self._state.actions:
            return action_id
        self._holding.check_fresh(incident.partition)
        if action == "CLOSE" and not operator.is_supervisor:
            await self._merged.learn(incident)
            if incident.needs_supervisor:
                raise SUPERVISOR_ONLY.error()
        if action == "CLOSE":  # another desk may have taken an answer just now
            await self._hear_all(incident.partition)
            if action_id in self._state.actions:
                return action_id
        if self._news(operator, incident, action) > seen_version or incident.has_ended:
            raise CHANGED.error(version=incident.version)
        await self._writer.send_once(
            operator_actions=OperatorAction(action_id, incident.site_id, incident.id, action, reason, operator.name, at)
        )
        self._state.actions.setdefault(action_id, at)  # said again, it is known before it is read
        return action_id

    async def send_guard(
        self, operator: Operator, site_id: str, reason: str, key: str, seen_version: int | None, at: int
    ) -> str:
        """Send a guard to a site; return the action's id. Raises CHANGED, STALE."""
        action_id = rules.action_id(f"site-{digest(site_id)}", "DISPATCH", key)
        if action_id in self._state.actions:  # once its incident has ended, the engine would open another one for it
            return action_id
        self._holding.check_fresh(self._writer.partition_of(site_id))
        for incident in self._state.open_incidents(site_id):  # the engine gives it to the one of SECURITY
            if incident.is_fire or seen_version is None:
                continue
            if self._news(operator, incident, "DISPATCH") > seen_version:
                raise CHANGED.error(version=incident.version)
        await self._writer.send_once(
            operator_actions=OperatorAction(action_id, site_id, None, "DISPATCH", reason, operator.name, at)
        )
        self._state.actions.setdefault(action_id, at)
        return action_id

    async def _hear_all(self, partition: int) -> None:
        """Read results and actions to their end. Raises `UnconfirmedError`: nobody can say where that is."""
        try:
            await self._holding.reader.said_to_the_end(partition)
        except NotReadError:
            raise UnconfirmedError("what was said could not be read to its end") from None

    def _news(self, operator: Operator, incident: Incident, action: str) -> int:
        """The version that the operator must have seen.

        An engine that stands still keeps nobody from sending a guard for long, nor does what they said themselves of a
        call. A close waits for it, as an answer that is not decided on yet may be a call for help; a supervisor's not
        for long.
        """
        waits = partial(
            self._state.progress[incident.partition].is_awaited,
            monotonic=time.monotonic(),
            until_passed_over=action == "CLOSE" and not operator.is_supervisor,
        )

        def is_awaited(one: Awaited) -> bool:
            is_own = action == "DISPATCH" and one.topic == "call-results" and one.by == operator.name
            return not is_own and waits(one)

        return incident.news(is_awaited)

    async def see(self, operator: Operator, attention_id: str, note: str | None) -> int:
        """Say that an attention was seen; return when. Raises NOT_FOUND."""
        event_id = f"{attention_id}-seen-{digest(operator.name, *([note] if note else []))}"
        seen = self._state.seen.get(attention_id)
        if seen is not None and seen.by == operator.name and (not note or seen.event_id == event_id):
            return seen.at  # said again, perhaps of what is no more
        # A call is nothing to be seen: that would take it from its holder.
        if not self._state.is_attention(attention_id):
            raise NOT_FOUND.error()
        subject = self._holding.subject(attention_id)
        at = self._own.clock.now()
        if subject.site_id.startswith(ACCOUNT):
            stranger = self._state.stranger(attention_id)
            at = max(at, stranger.last if stranger is not None else 0)
        await self._own.log_event(
            DeskEvent(
                event_id,
                subject.site_id,
                subject.incident_id,
                operator.name,
                "ATTENTION_SEEN",
                attention_id,
                note,
                at,
            )
        )
        hold = self._state.holder(subject.partition, attention_id)
        if hold is not None:
            await self._holding.release_gone(hold, subject)
        return at

    async def note(self, operator: Operator, incident: Incident, text: str, key: str) -> str:
        """Keep a note on an incident; return its id."""
        event_id = f"{incident.id}-note-{digest(key)}"
        await self._own.log_event(
            DeskEvent(event_id, incident.site_id, incident.id, operator.name, "NOTE", None, text, self._own.clock.now())
        )
        return event_id
