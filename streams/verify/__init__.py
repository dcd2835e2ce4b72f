"""The sums of `ronde verify`."""
