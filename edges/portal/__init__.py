"""`ronde portal`: where customers configure the service, and leave it (docs/portal.md)."""
