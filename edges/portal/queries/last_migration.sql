SELECT coalesce(max(number), 0) FROM portal.migrations
