INSERT INTO portal.migrations (number, name) VALUES (%s, %s)
