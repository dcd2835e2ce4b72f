"""`ronde watchdog`: judges the engine from its records, on another machine, by code that the engine does not share."""
