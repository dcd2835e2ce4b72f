"""The errors of the ledger. A message names the thing, what is wrong and what to do; it quotes no record."""


class SinkError(Exception):
    """The sink cannot go on, and waiting does not help."""


class Away(Exception):
    """PostgreSQL, Kafka or the schema registry does not answer or accepts nothing now: wait and try again.

    ``thing`` is "postgres", "kafka" or "registry"; the last also where `registry.url` is missing.
    """

    def __init__(self, thing: str, reason: str) -> None:
        super().__init__(reason)
        self.thing = thing


class Fenced(Exception):
    """Another sink claimed a partition of this one; nothing was written."""
