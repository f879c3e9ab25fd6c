"""A mail server that writes down what it gets, a line of JSON each.

usage: mail.py FILE PORT CERTIFICATE KEY

Addresses that begin with `never` are refused for good, those with `later` once for a while.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

FILE = open(sys.argv[1], "a", encoding="utf-8")
SEEN = set()
CONNECTIONS = set()


def note(**what):
    FILE.write(json.dumps(what) + "\n")
    FILE.flush()


class Mail:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never"):
            note(never=address)
            return "550 no such user " + address
        if address.startswith("later") and address not in SEEN:
            SEEN.add(address)
            note(later=address)
            return "451 come again"
        envelope.rcpt_tos.append(address)
        return "250 go on"

    async def handle_DATA(self, server, session, envelope):
        CONNECTIONS.add(session.peer)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert not mail.defects, mail.defects
        text = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",))
        note(
            to=envelope.rcpt_tos,
            sender=envelope.mail_from,
            is_tls=session.ssl is not None,
            headers={name.lower(): str(mail[name]) for name in mail.keys()},
            text=text,
            html=html.get_content() if html else None,
            connections=len(CONNECTIONS),
        )
        return "250 taken"


def authenticate(server, session, envelope, mechanism, login):
    good = login.login == b"portcullis" and login.password == b"a pass word"
    return AuthResult(success=good, auth_data=login)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[3], sys.argv[4])
controller = Controller(
    Mail(),
    hostname="127.0.0.1",
    port=int(sys.argv[2]),
    tls_context=context,
    require_starttls=True,
    auth_required=True,
    authenticator=authenticate,
)
controller.start()
asyncio.new_event_loop().run_forever()
