"""Signed webhooks, verified by the library of Standard Webhooks: `webhook_signatures.py TRAILRISK`.

A receiver of this process gets the sample of `trailrisk sink test`, which is signed with two secrets, as while one
replaces the other; plain, and compressed, where the signature is of the decoded body.
"""

import base64
import gzip
import json
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from judge import MISSING, judge

SECRETS = ["whsec_" + base64.b64encode(bytes([byte]) * 32).decode() for byte in (1, 2)]
STRANGER = "whsec_" + base64.b64encode(bytes([3]) * 32).decode()


def received(compression):
    """One request as its receiver sees it. The body's bytes stand one a character."""
    requests = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append({"headers": {name.lower(): value for name, value in self.headers.items()}, "body": body})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sink = {
            "name": "soc",
            "type": "webhook",
            "url": f"http://127.0.0.1:{server.server_port}/hook",
            "allow_http": True,
            "allow_private": True,
            "signing_secrets": SECRETS,
            "compression": compression,
        }
        config = Path(folder, "trailrisk.yaml")
        config.write_text(
            json.dumps({"source": {"stream": "trail"}, "detections": {"paths": ["none"]}, "sinks": [sink]}),
            encoding="utf-8",
        )
        subprocess.run([sys.argv[1], "sink", "test", "soc", "--config", config], check=True, stdout=subprocess.DEVNULL)
        server.shutdown()
    (request,) = requests
    sent = request["body"]
    body = gzip.decompress(sent) if request["headers"].get("content-encoding") == "gzip" else sent
    if (compression == "gzip") != (body != sent):
        sys.exit(f"{compression} is not what was sent")
    return {**request, "body": body.decode("latin-1"), "sent": sent.decode("latin-1"), "secrets": SECRETS}


def problems(request):
    found = []
    for secret in request["secrets"]:
        try:
            event = Webhook(secret).verify(request["body"].encode("latin-1"), request["headers"])
        # The library takes text alone: what is still compressed it cannot even read.
        except (WebhookVerificationError, UnicodeDecodeError) as error:
            found.append(str(error))
            continue
        if request["headers"]["webhook-id"] != f"{event['id']}-{event['stage']}":
            found.append("the id is not the delivery key")
    return found


compressed = received("gzip")
judge(
    "Standard Webhooks",
    [compressed, received("none")],
    problems,
    [
        ("secrets.0", STRANGER),
        ("secrets.1", STRANGER),
        # As it went over the wire: not what is signed.
        ("body", compressed["sent"]),
        ("body", compressed["body"].replace('"stage":"final"', '"stage":"early"')),
        ("body", compressed["body"] + " "),
        ("headers.webhook-id", "msg_1"),
        ("headers.webhook-id", MISSING),
        ("headers.webhook-timestamp", str(int(compressed["headers"]["webhook-timestamp"]) + 1)),
        ("headers.webhook-timestamp", str(int(compressed["headers"]["webhook-timestamp"]) - 600)),
        ("headers.webhook-timestamp", MISSING),
        ("headers.webhook-signature", compressed["headers"]["webhook-signature"].split(" ")[0]),
        ("headers.webhook-signature", compressed["headers"]["webhook-signature"].replace("v1,", "v1a,")),
        ("headers.webhook-signature", ""),
        ("headers.webhook-signature", MISSING),
    ],
)
