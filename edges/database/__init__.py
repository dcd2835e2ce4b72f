"""What the edges that keep something in PostgreSQL share: connections to it."""
