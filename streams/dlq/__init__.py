"""Dead letters: reading them, and putting each back or discarding it, once (`ronde dlq`)."""
