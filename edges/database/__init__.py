"""What the edges that keep something in PostgreSQL share: connections, migrations, SQL in files."""
