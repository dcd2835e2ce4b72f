"""Where the outputs go beside their topics."""
