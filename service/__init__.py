"""What every process of ronde has once: log, readiness, pages of operation, faults for tests, registry's client."""
