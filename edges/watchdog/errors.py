"""What ends the watchdog."""


class WatchdogError(Exception):
    """It cannot go on; the message says why, and what to do."""
