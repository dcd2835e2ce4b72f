"""The door: the command line, the local servers and the demonstration."""
