"""How the ledger's parts fail; messages name the thing, what is wrong and what to do, and hold no record's content."""


class SinkError(Exception):
    """The sink cannot go on, and waiting would not help."""


class Away(Exception):
    """PostgreSQL, Kafka, or the schema registry, cannot be reached or does not take anything now: wait and try again.

    ``thing`` is "postgres", "kafka" or "registry"; the last also where `registry.url` is missing.
    """

    def __init__(self, thing: str, reason: str) -> None:
        super().__init__(reason)
        self.thing = thing


class Fenced(Exception):
    """A partition of this sink was claimed by another one; nothing was written."""
