"""What runs on a real broker."""
