"""Takes letters about alerts as programs by others would: relays of mail on aiosmtpd, one that wants
STARTTLS and one that speaks TLS from the first byte, both with name and password, and a webhook by HTTPS
that checks what it gets with the library of the Standard Webhooks specification.

    letters.py SECRET_FILE CERTIFICATE KEY USER PASSWORD

Prints `starttls PORT`, `tls PORT` and `webhook PORT`, then a line of JSON for each letter: {"way", "id",
"text"}. What does not verify by the secret in the file, or comes before there is one, is answered 401.
"""

import json
import logging
import socket
import ssl
import sys
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from standardwebhooks import Webhook, WebhookVerificationError

said = threading.Lock()
secret = Path(sys.argv[1])
certificate, key, user, password = sys.argv[2:]


def say(line):
    with said:
        print(line, flush=True)


class Relay:
    def __init__(self, way):
        self.way = way

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        text = {"subject": mail["Subject"], "to": envelope.rcpt_tos, "body": mail.get_content()}
        say(json.dumps({"way": self.way, "id": mail["Message-ID"].strip("<>").split("@")[0], "text": text}))
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


# A handshake that a gateway breaks off is part of the test.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


def knows(server, session, envelope, mechanism, given):
    fits = isinstance(given, LoginPassword) and (given.login, given.password) == (user.encode(), password.encode())
    return AuthResult(success=fits)


def tls():
    # Not PROTOCOL_TLS_SERVER: a controller tries its own door by the same context.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS)
    context.load_cert_chain(certificate, key)
    return context


def open_relay(way, **how):
    with socket.create_server(("127.0.0.1", 0)) as free:  # the controller takes no 0 for a port
        port = free.getsockname()[1]
    Controller(Relay(way), hostname="127.0.0.1", port=port, authenticator=knows, auth_required=True, **how).start()
    say(f"{way} {port}")


open_relay("starttls", tls_context=tls(), require_starttls=True)
# It does not take a connection for safe that was so from the first byte.
open_relay("tls", ssl_context=tls(), auth_require_tls=False)
hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
hook.socket = tls().wrap_socket(hook.socket, server_side=True)
say(f"webhook {hook.server_address[1]}")
hook.serve_forever()
