"""The connection to PostgreSQL, the statements, the migrations."""
