"""The tables of the procedure: a row a rule."""
