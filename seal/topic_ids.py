"""Whether a topic is the one that was sealed: one that is made again under its name has another id."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from typing import Any, Final

from schemas.contract.topics import Log
from seal.commitments import SEALED
from seal.errors import AwayError, SealError
from seal.store import Store, TreeState
from service.topic_admin import UnansweredError, UnusableError, topic_ids

ELSEWHERE: Final = "Seal it under another database (postgres.database), and keep this one for its dossiers"


class TopicIds:
    """Knows topics again, in one session. ``admin``: the properties of an admin client.

    A record is of a topic for certain where that has the same id before the session reads and once the record is read.
    So an id is asked for both times, and is kept before the topic's first leaf.

    Every method may raise `AwayError`, and what `Store` raises.
    """

    def __init__(self, store: Store, admin: Mapping[str, Any], prefix: str) -> None:
        self._store = store
        self._admin = admin
        self._prefix = prefix
        self._begun: dict[str, str] = {}  # of the topics that the session reads

    def begin(self, there: Container[str]) -> None:
        """Learn the ids before anything is read. ``there``, errors: as `refuse_others`."""
        self._begun = self.refuse_others(there)

    def refuse_others(self, there: Container[str]) -> dict[str, str]:
        """Raise `SealError` where a topic is not the one that was sealed, however far it has come; return all ids.

        ``there``: the names on the broker. An id is kept where one is missing: an earlier version sealed without.
        """
        # Asked for last, and the trees first: another process may seal a topic's first record meanwhile.
        sealed = _sealed(self._store.trees())
        kept = self._store.topics()
        found = self._asked([topic for topic in SEALED if f"{self._prefix}{topic}" in there])
        of_sealed = {topic: topic_id for topic, topic_id in found.items() if topic in sealed}
        if others := [topic for topic, topic_id in of_sealed.items() if kept.get(topic, topic_id) != topic_id]:
            raise SealError(
                f"{self._names(others)}: not the topic that was sealed, but one that was made since under the same"
                f" name. {ELSEWHERE}"
            )
        self._store.keep_topics({topic: topic_id for topic, topic_id in of_sealed.items() if topic not in kept})
        return found

    def keep(self, arrived: Collection[Log], trees: Mapping[Log, TreeState]) -> None:
        """Keep the ids of topics whose first records have ``arrived``, before any of these is sealed.

        Raises `AwayError` where one was made again since the session began: the next one reads it from its beginning.
        """
        topics = {topic for topic, _ in arrived} - _sealed(trees)
        if not topics:
            return
        found = self._asked(topics)
        if others := [topic for topic in topics if found.get(topic) != self._begun.get(topic)]:
            raise AwayError("kafka", f"{self._names(others)}: made again before anything of it was sealed")
        self._store.keep_topics(found)

    def _asked(self, topics: Collection[str]) -> dict[str, str]:
        names = {f"{self._prefix}{topic}": topic for topic in topics}
        try:
            found = topic_ids(self._admin, names)
        except UnansweredError as error:
            raise AwayError("kafka", str(error)) from None
        except UnusableError as error:
            raise SealError(str(error)) from None
        return {names[name]: topic_id for name, topic_id in found.items() if name in names}

    def _names(self, topics: Collection[str]) -> str:
        return ", ".join(sorted(f"{self._prefix}{topic}" for topic in topics))


def _sealed(trees: Mapping[Log, TreeState]) -> set[str]:
    """The topics of which something is sealed."""
    return {topic for (topic, _), tree in trees.items() if tree.size}
