"""Request the page of each address from all pods behind its name; exit 1 if one is not ready, or none exists."""

import http.client
import socket
import sys
from urllib.parse import urlsplit

failed = False
for address in sys.argv[1:]:
    parts = urlsplit(address)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except OSError as error:
        print(f"{address}: {error}")
        failed = True
        continue
    for pod in sorted({where[0] for *_, where in found}):
        connection = http.client.HTTPConnection(pod, parts.port, timeout=10)
        try:
            connection.request("GET", parts.path)
            answer = connection.getresponse()
            said = f"{answer.status} {answer.read().decode(errors='replace')}"
            failed |= answer.status != 200
        except OSError as error:
            said = str(error)
            failed = True
        print(f"{address} at {pod}: {said}")
sys.exit(failed)
