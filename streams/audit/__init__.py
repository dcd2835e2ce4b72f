"""Reading the topics as they stand and judging them: sums, replays (`ronde verify`, `ronde replay`)."""
