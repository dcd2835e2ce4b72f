"""What the edges' Kafka raises."""


class UnconfirmedError(Exception):
    """Kafka has not acknowledged records in time, or refused one; they may have been taken."""


class TopicsDifferError(Exception):
    """The topics on the broker are not those of the settings; the message says which, and what to do."""


class KafkaAwayError(Exception):
    """Kafka does not answer."""
