"""`ronde partners`: dispatches to partners over HTTP, and their reports (docs/partners.md)."""
