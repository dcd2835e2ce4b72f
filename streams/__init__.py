"""The engine: from the inputs' topics through the core to the outputs', exactly once."""
