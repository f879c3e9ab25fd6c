"""Receivers of alerts: web and mail servers that write down what they get, a line of JSON each.

usage: receivers.py FILE HTTP_PORT [SMTP_PORT CERTIFICATE KEY]

/busy answers 429 to the first request of each webhook-id; /hook verifies signatures; /broken refuses.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOCK = threading.Lock()
SEEN = set()


def note(**what):
    with LOCK, open(sys.argv[1], "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


class Web(BaseHTTPRequestHandler):
    def do_GET(self):
        note(to=self.path)
        self.answer(200, b"ok")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        identity = self.headers.get("webhook-id")
        if self.path == "/busy" and identity not in SEEN:
            SEEN.add(identity)
            note(to="/busy", turned_away=identity)
            self.answer(429, b"rate_limited", ("Retry-After", "1"))
            return
        if self.path == "/broken":
            note(to="/broken")
            self.answer(403, b"action_prohibited")
            return
        said = json.loads(body)
        if identity:
            # Raises if the signature is not what the standard says, or the time is not now.
            Webhook(SECRET).verify(body.decode(), {name.lower(): value for name, value in self.headers.items()})
        note(to=self.path, id=identity, said=said)
        if isinstance(said, dict) and "routing_key" in said:
            answer = {"status": "success", "message": "Event processed", "dedup_key": said.get("dedup_key")}
            self.answer(202, json.dumps(answer).encode())
        else:
            self.answer(200, b"ok")

    def answer(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Mail:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never"):
            note(to="never")
            return "550 no such user"
        if address.startswith("later") and "later" not in SEEN:
            SEEN.add("later")
            return "451 come again"
        envelope.rcpt_tos.append(address)
        return "250 go on"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert not mail.defects, mail.defects
        headers = {name.lower(): str(mail[name]) for name in mail.keys()}
        note(
            to="mail",
            is_tls=session.ssl is not None,
            user=getattr(session.auth_data, "login", b"").decode(),
            recipients=envelope.rcpt_tos,
            headers=headers,
            text=mail.get_content(),
        )
        return "250 taken"


def authenticate(server, session, envelope, mechanism, login):
    good = login.login == b"portcullis" and login.password == b"a pass word"
    return AuthResult(success=good, auth_data=login)


def mail_server(port, certificate, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    controller = Controller(
        Mail(),
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()


if len(sys.argv) > 3:
    mail_server(int(sys.argv[3]), sys.argv[4], sys.argv[5])
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Web).serve_forever()
