"""What the edges' Kafka raises."""

from edges.errors import EdgeError


class UnconfirmedError(Exception):
    """Kafka has not acknowledged records in time, or refused one; they may have been taken.

    Attributes:
        is_under_way: the client has the first of them, and goes on trying: it comes before all that is written later.

    """

    def __init__(self, reason: str = "", *, is_under_way: bool = False) -> None:
        super().__init__(reason)
        self.is_under_way = is_under_way


class TopicsDifferError(EdgeError):
    """The topics on the broker are not those of the settings; the message says which, and what to do."""


class KafkaAwayError(Exception):
    """Kafka does not answer."""


class UnaskedError(KafkaAwayError):
    """The time was over before Kafka could be asked, or too soon after to say anything of it."""
