"""The alerts: played by promtool, each with a page that says what to do."""
