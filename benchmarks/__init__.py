"""How fast, side by side with what else one would take, in one run on one machine."""
