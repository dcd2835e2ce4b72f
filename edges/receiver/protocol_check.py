"""Whether what somebody sends is DC-09: who says something else too often is not listened to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from edges.receiver import frame

if TYPE_CHECKING:
    from edges.receiver.framing import CheckedFrame, FrameDefect

NOT_DC09_IN_A_ROW: Final = 16


class ProtocolCheck:
    """Judges what comes by one connection, or in one datagram.

    Attributes:
        is_foreign: so many pieces in a row were none that no more is listened to.

    """

    def __init__(self) -> None:
        self.is_foreign = False
        self._not_dc09 = 0

    def admitted(self, cuts: Iterable[CheckedFrame | FrameDefect]) -> list[CheckedFrame | FrameDefect]:
        """The cuts, up to the last that is listened to: each costs, and a piece may have thousands."""
        admitted = []
        for cut in cuts:
            admitted.append(cut)
            self._not_dc09 = 0 if frame.is_dc09(cut) else self._not_dc09 + 1
            if self._not_dc09 >= NOT_DC09_IN_A_ROW:
                self.is_foreign = True
                break
        return admitted
