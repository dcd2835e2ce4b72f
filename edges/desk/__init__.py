"""The desk: where operators take the calls (`ronde desk`)."""
