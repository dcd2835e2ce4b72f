"""An incident's timeline: in words, drawn, as a page, as JSON."""
