"""Dead letters: a list, or one whole."""
