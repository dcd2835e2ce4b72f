"""A partner over HTTP in one file: take commands, answer, report. `pip install standardwebhooks httpx`.

RONDE=http://127.0.0.1:6082 RONDE_SECRET=whsec_… RONDE_TOKEN=ronde_… python partner_http.py 8000
"""

import os
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

book = sqlite3.connect("partner_http.sqlite", check_same_thread=False, isolation_level=None)
book.execute("CREATE TABLE IF NOT EXISTS commands (command_id PRIMARY KEY, body)")
ronde = httpx.Client(base_url=os.environ["RONDE"], headers={"Authorization": f"Bearer {os.environ['RONDE_TOKEN']}"})
webhook = Webhook(os.environ["RONDE_SECRET"])


class Hooks(BaseHTTPRequestHandler):
    """Where ronde posts its commands. What is not answered by 2xx comes again, under the same id."""

    def do_POST(self) -> None:
        """Verify, store, report, answer."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            command = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_error(401)
            return
        book.execute("INSERT INTO commands VALUES (?, ?) ON CONFLICT DO NOTHING", (command["command_id"], body))
        if command["action"] == "CANCEL":  # turn the guard back, and confirm; the same step again is the same report
            closed = f"/v1/dispatches/{command['dispatch_id']}/closed"
            ronde.put(closed, json={"disposition": "CANCELLED"}).raise_for_status()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ACCEPTED"}' if command["action"] == "REQUEST" else b"{}")


HTTPServer(("127.0.0.1", int(sys.argv[1])), Hooks).serve_forever()
