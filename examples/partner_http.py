"""A partner over HTTP in one file: take commands, answer, report. `pip install standardwebhooks httpx`.

RONDE=http://127.0.0.1:6082 RONDE_SECRET=whsec_… RONDE_TOKEN=ronde_… python partner_http.py 8000
"""

import json
import os
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

book = sqlite3.connect("partner_http.sqlite", check_same_thread=False, isolation_level=None)
book.execute("CREATE TABLE IF NOT EXISTS commands (command_id PRIMARY KEY, dispatch_id, action, body)")
ronde = httpx.Client(base_url=os.environ["RONDE"], headers={"Authorization": f"Bearer {os.environ['RONDE_TOKEN']}"})
webhook = Webhook(os.environ["RONDE_SECRET"])


def report(dispatch_id: str, step: str, **more: str) -> None:
    """Say a step until ronde has it; the same step again is the same report."""
    while not ronde.put(f"/v1/dispatches/{dispatch_id}/{step}", json=more).is_success:
        time.sleep(1)


class Hooks(BaseHTTPRequestHandler):
    """Where ronde posts its commands."""

    def do_POST(self) -> None:
        """Verify, store, answer."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            command = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_error(401)
            return
        row = (command["command_id"], command["dispatch_id"], command["action"], json.dumps(command))
        is_new = book.execute("INSERT INTO commands VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount
        if is_new and command["action"] == "CANCEL":
            threading.Thread(target=report, args=(row[1], "closed"), kwargs={"disposition": "CANCELLED"}).start()
        self.send_response(200)  # it is stored: ronde does not post it again
        self.end_headers()
        self.wfile.write(b'{"status": "ACCEPTED"}' if command["action"] == "REQUEST" else b"{}")


HTTPServer(("127.0.0.1", int(sys.argv[1])), Hooks).serve_forever()
