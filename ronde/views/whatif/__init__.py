"""What would have ended otherwise (`ronde whatif`): as text, as JSON, as a page."""
