"""How a process of the edges fails; messages name the thing, what is wrong, what to do, and hold nothing personal."""


class EdgeError(Exception):
    """The process cannot go on, and waiting would not help."""


class DatabaseAwayError(Exception):
    """PostgreSQL has not answered in time; what it was asked may be done."""
