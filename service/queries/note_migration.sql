INSERT INTO {schema}.migrations (number, name) VALUES (%s, %s)
