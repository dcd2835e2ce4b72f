SELECT topic, key, change FROM portal.outbox ORDER BY change LIMIT %(limit)s
