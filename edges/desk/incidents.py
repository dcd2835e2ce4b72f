"""Incidents by their id. Of those that have ended the latest are at hand; the others are packed into a tenth."""

from __future__ import annotations

import pickle
import zlib
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Final, NamedTuple

from edges.desk.incident import FirstCall, Incident

AT_HAND: Final = 1_000  # ended incidents, beside those that are open
_FAST: Final = 1


class _Packed(NamedTuple):
    partition: int
    first_call: FirstCall | None
    data: bytes


class Incidents(MutableMapping[str, Incident]):
    """All of them. Who asks for one that is packed gets it unpacked, to read it and to change it.

    Attributes:
        at_hand: those that are not packed, by id.

    """

    def __init__(self) -> None:
        self.at_hand: dict[str, Incident] = {}
        self._packed: dict[str, _Packed] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()  # of those at hand, the next one to be packed first
        self._pattern = b""  # one of them: they all differ little from it

    def __getitem__(self, incident_id: str) -> Incident:
        """The incident, from now on at hand. Raises `KeyError`."""
        incident = self.at_hand.get(incident_id)
        if incident is None:
            incident = self._unpacked(self._packed.pop(incident_id))
            self.at_hand[incident_id] = incident
            self._ended[incident_id] = None
        return incident

    def __setitem__(self, incident_id: str, incident: Incident) -> None:
        """Take one, at hand."""
        self._packed.pop(incident_id, None)
        self.at_hand[incident_id] = incident

    def __delitem__(self, incident_id: str) -> None:
        """Let go of one. Raises `KeyError`."""
        if self._packed.pop(incident_id, None) is None:
            del self.at_hand[incident_id]
            self._ended.pop(incident_id, None)

    def __contains__(self, incident_id: object) -> bool:
        """Whether there is such a one; none is unpacked for that."""
        return incident_id in self.at_hand or incident_id in self._packed

    def __iter__(self) -> Iterator[str]:
        """All ids."""
        return iter([*self.at_hand, *self._packed])

    def __len__(self) -> int:
        """How many there are."""
        return len(self.at_hand) + len(self._packed)

    def packed_in(self, incident_id: str) -> int | None:
        """The partition of one that is packed; None: it is at hand, or there is none."""
        packed = self._packed.get(incident_id)
        return None if packed is None else packed.partition

    def end(self, incident_id: str) -> None:
        """Note that one has ended."""
        self._ended[incident_id] = None

    def resume(self, incident_id: str) -> None:
        """Note that one is open, perhaps again: it stays at hand."""
        self._ended.pop(incident_id, None)

    def to_pack(self) -> Incident | None:
        """The one that is packed next, where more are at hand than need be."""
        return self.at_hand[next(iter(self._ended))] if len(self._ended) > AT_HAND else None

    def pack(self, incident: Incident) -> None:
        """Pack what `to_pack` gave."""
        data = pickle.dumps(incident, pickle.HIGHEST_PROTOCOL)
        self._pattern = self._pattern or data
        packing = zlib.compressobj(_FAST, zdict=self._pattern)
        del self[incident.id]
        self._packed[incident.id] = _Packed(
            incident.partition, incident.first_call, packing.compress(data) + packing.flush()
        )

    def first_calls(self) -> Iterator[tuple[str, FirstCall]]:
        """Of all that have one, the id and the first call; meanwhile incidents may come, end and go."""
        for incident_id in self:
            known = self.at_hand.get(incident_id) or self._packed.get(incident_id)
            first = None if known is None else known.first_call
            if first is not None:
                yield incident_id, first

    def _unpacked(self, packed: _Packed) -> Incident:
        unpacking = zlib.decompressobj(zdict=self._pattern)
        incident: Incident = pickle.loads(unpacking.decompress(packed.data))  # noqa: S301 - it never left this process
        return incident
