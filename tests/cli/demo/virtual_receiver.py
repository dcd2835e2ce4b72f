"""Panels and the receiver in virtual time: frames, and what the receiver's own code makes of them, without a socket."""

from __future__ import annotations

from edges.panel.messages import frame_of
from edges.receiver.accounts import Account
from edges.receiver.framing import CheckedFrame, Framer
from edges.receiver.judging import Judge
from edges.receiver.repeats import Repeats
from edges.receiver.signal_log import SignalLog
from edges.values import Alert, Signal
from ronde.demo.alarms import DueSignal
from ronde.demo.panels import Delivery, said_of, shipped
from ronde.demo.stage import RECEIVER_ID
from ronde.demo.stories import LINK_TEST


class Accounts(dict[str, Account]):
    """All transmitters, in a view that is always fresh."""

    def is_fresh(self, _name: str, /) -> bool:
        return True


class VirtualReceiver:
    """Takes signals as panels send them; keeps what it would write to `signals`."""

    def __init__(self) -> None:
        self._panels = shipped()
        self._repeats = Repeats()
        self._log = SignalLog(self._repeats)
        accounts = Accounts(
            {
                panel.account: Account(panel.account, site_id, panel.key, requires_encryption=panel.key is not None)
                for site_id, panel in self._panels.items()
            }
        )
        self._judge = Judge(RECEIVER_ID, accounts, self._repeats)
        self.signals: list[Signal] = []
        self.sent: list[Delivery] = []

    def take(self, due: DueSignal, now: int) -> list[Alert]:
        """Return the alerts of a signal, all its copies sent at ``now`` (ms)."""
        site_id, sequence, signal = due
        panel = self._panels[site_id]
        if signal.lacks_key:
            panel = panel._replace(key=None)
        alerts: list[Alert] = []
        for copy in range(signal.copies):
            (checked,) = Framer().feed(frame_of(panel, said_of(signal), sequence, now))
            assert isinstance(checked, CheckedFrame)
            verdict = self._judge.judge(checked, now + copy)
            assert verdict.silence is None
            self.signals += verdict.signals
            self._log.take(verdict.signals)
            if verdict.identity is not None and verdict.copy is None:
                first = self._repeats.first_copy(verdict.identity, now + copy)
                assert first is not None
                alerts += self._judge.alerts(verdict, first)
        is_link_test = signal.code == LINK_TEST
        number = f"{0 if is_link_test else sequence:04d}"
        self.sent.append(Delivery(panel.account, number, is_link_test, signal.copies, signal.copies))
        return alerts
