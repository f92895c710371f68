"""Takes letters about alerts as two programs by others would: a relay of mail on aiosmtpd, and a webhook
that checks what it gets with the library of the Standard Webhooks specification.

    letters.py SECRET_FILE

Prints `mail PORT` and `webhook PORT`, then a line of JSON for each letter: {"way", "id", "text"}. What does
not verify by the secret in the file, or comes before there is one, is answered 401.
"""

import json
import socket
import sys
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from standardwebhooks import Webhook, WebhookVerificationError

said = threading.Lock()
secret = Path(sys.argv[1])


def say(line):
    with said:
        print(line, flush=True)


class Relay:
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        text = {"subject": mail["Subject"], "to": envelope.rcpt_tos, "body": mail.get_content()}
        say(json.dumps({"way": "mail", "id": mail["Message-ID"].strip("<>").split("@")[0], "text": text}))
        return "250 taken"


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            text = Webhook(secret.read_text()).verify(body, {name.lower(): value for name, value in self.headers.items()})
        except (OSError, WebhookVerificationError):
            self.answer(401)
            return
        say(json.dumps({"way": "webhook", "id": self.headers["webhook-id"], "text": text}))
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


with socket.create_server(("127.0.0.1", 0)) as free:  # the controller takes no 0 for a port
    port = free.getsockname()[1]
relay = Controller(Relay(), hostname="127.0.0.1", port=port)
relay.start()
hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
say(f"mail {port}")
say(f"webhook {hook.server_address[1]}")
hook.serve_forever()
