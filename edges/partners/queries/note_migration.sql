INSERT INTO partners.migrations (number, name) VALUES (%s, %s)
