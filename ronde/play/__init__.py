"""Everything up on this machine, and nobody at the telephone but the person who started it."""
