"""What can be seen of a worker: metrics, counts, lags."""
