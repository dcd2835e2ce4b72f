"""How the portal's parts fail; messages name the thing, what is wrong and what to do, and hold nothing personal."""


class StaleError(Exception):
    """Somebody else has changed it since; ``revision`` is the present one."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"revision {revision} is in force")
        self.revision = revision


class NoSuchThingError(Exception):
    """The portal holds no such site, or no such transmitter."""


class ExistsError(Exception):
    """A site of this id is there already."""


class NoLedgerError(Exception):
    """The database has no ledger that the portal may read, so nothing is known of incidents."""
