"""How the parts fail; messages name the thing, what is wrong and what to do, and hold nothing personal."""


class PartnersError(Exception):
    """The process cannot go on, and waiting would not help."""


class DatabaseAwayError(Exception):
    """PostgreSQL has not answered in time; what it was asked may be done."""
