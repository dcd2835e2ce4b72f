SELECT * FROM portal.transmitters WHERE account = ANY(%(accounts)s)
