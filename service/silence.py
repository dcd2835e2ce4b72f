"""For a client that may fail: what librdkafka logs comes as errors too, or is expected."""

import logging


def silent(name: str) -> logging.Logger:
    """A logger that says nothing."""
    return logging.Logger(name, level=logging.CRITICAL + 1)
