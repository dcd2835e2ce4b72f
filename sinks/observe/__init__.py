"""What can be seen of a sink: readiness, metrics."""
