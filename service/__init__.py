"""What every process of ronde has once: its log, its readiness, the registry's client, clients' properties."""
