"""The pure parts of the benchmarks: what counts, and the statistics."""
