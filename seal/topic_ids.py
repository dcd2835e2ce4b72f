"""Whether a topic is the one that was sealed: one that is made again under its name has another id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seal.errors import AwayError, SealError
from seal.store import Store
from service.topic_admin import UnansweredError, UnusableError, topic_ids

ELSEWHERE: Final = "Seal it under another database (postgres.database), and keep this one for its dossiers"


def refuse_others(store: Store, admin: Mapping[str, Any], topics: Mapping[str, str]) -> None:
    """Raise `SealError` where a topic is not the one that was sealed, however far it has come.

    ``admin``: the properties of an admin client. ``topics``: the names without prefix by those on the broker. Ids that
    were not known are kept, and those of topics of which nothing is sealed. Raises `AwayError`
    too, and what `Store` raises.
    """
    try:
        found = {topics[name]: (name, topic_id) for name, topic_id in topic_ids(admin, topics).items()}
    except UnansweredError as error:
        raise AwayError("kafka", str(error)) from None
    except UnusableError as error:
        raise SealError(str(error)) from None
    kept, sealed = store.topics(), {topic for (topic, _), tree in store.trees().items() if tree.size}
    new = {topic: topic_id for topic, (_, topic_id) in found.items() if kept.get(topic) != topic_id}
    if others := sorted(found[topic][0] for topic in new if topic in kept and topic in sealed):
        raise SealError(
            f"{', '.join(others)}: not the topic that was sealed, but one that was made since under the same name."
            f" {ELSEWHERE}"
        )
    store.keep_topics(new)
