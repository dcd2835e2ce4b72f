"""A panel: sends DC-09 frames as an alarm panel does, for people who install, for tests and for the demonstration."""
