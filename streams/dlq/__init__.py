"""Dead letters: read them, and put each back or discard it, once (`ronde dlq`)."""
