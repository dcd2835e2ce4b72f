"""Dead letters: what was put away, and how it is put back or discarded, once (`ronde dlq`)."""
