"""What every process of ronde has once: log, readiness, faults for tests, registry's client."""
