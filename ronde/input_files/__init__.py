"""Files of sites and other inputs: read, judged, loaded into their topics."""
