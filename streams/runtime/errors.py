"""What ends a worker, or keeps it from beginning, in words that hold no data and say what to do."""


class WorkerError(Exception):
    """The message may be logged and shown: it names the thing and what is wrong with it."""
