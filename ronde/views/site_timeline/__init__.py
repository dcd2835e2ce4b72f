"""What happened at a site: the records that came of its inputs, and the lines that tell them."""
