"""What keeps this program from ever attacking anything but its own laboratory.

There is no way to name a target: servers are started by this program on ports of 127.0.0.1 that it picks itself.
Three further locks, each tested in test_safety.py:

1. every socket is made by `loopback_socket`, which refuses any address outside of 127.0.0.0/8;
2. an attack needs a `Proof`, and a proof is only made when the server under attack has just answered with the
   random word that this run gave to its own origin app;
3. `Bounds` limits seconds and connections, whatever was asked for.
"""

import ipaddress
import socket
import ssl
from dataclasses import dataclass

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
SECONDS_MAX = 60
CONNECTIONS_MAX = 8000
# Linux chooses the port when the socket connects, so that each source address has all ports of its own.
IP_BIND_ADDRESS_NO_PORT = 24
NONCE_SOURCE = "127.0.77.9"
NONCE_BYTES_MAX = 65536


class Refused(Exception):
    """The laboratory will not do this."""


@dataclass(frozen=True)
class Bounds:
    """For how long an attack lasts, and how many connections it holds at once."""

    seconds: float
    connections: int

    def __post_init__(self):
        if not 0 < self.seconds <= SECONDS_MAX:
            raise Refused(f"an attack lasts at most {SECONDS_MAX} s")
        if not 0 < self.connections <= CONNECTIONS_MAX:
            raise Refused(f"an attack has at most {CONNECTIONS_MAX} connections")


def only_loopback(address):
    """The address as it came, if it is a literal address of 127.0.0.0/8. Names are refused unresolved."""
    try:
        inside = ipaddress.ip_address(address) in LOOPBACK
    except ValueError:
        inside = False
    if not inside:
        raise Refused(f"{address!r} is not an address of 127.0.0.0/8")
    return address


def loopback_socket(destination, source, receive_buffer=None):
    """A socket that is bound to one loopback address and may connect to another. It does not connect yet."""
    only_loopback(destination)
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.bind((only_loopback(source), 0))
    return made


@dataclass(frozen=True)
class Place:
    """The two doors of a server that this program started, and the certificate that it shows."""

    name: str
    address: str
    plain: int
    tls: int
    certificate: str

    def __post_init__(self):
        only_loopback(self.address)

    def trust(self, *protocols):
        """A TLS context that trusts this run's own certificate and nothing else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.certificate)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


@dataclass(frozen=True)
class Proof:
    """That the server at this place forwards to this run's own origin app. Only `prove` makes one."""

    place: Place
    nonce: str


def fetch_nonce(place, seconds=3.0, tls=False):
    """The body of `GET /nonce` at the place, or an `OSError`."""
    made = loopback_socket(place.address, NONCE_SOURCE)
    made.settimeout(seconds)
    with made:
        made.connect((place.address, place.tls if tls else place.plain))
        if tls:
            made = place.trust("http/1.1").wrap_socket(made, server_hostname="lab.test")
        made.sendall(b"GET /nonce HTTP/1.1\r\nHost: lab.test\r\nConnection: close\r\n\r\n")
        answer = bytearray()
        while len(answer) < NONCE_BYTES_MAX and (piece := made.recv(4096)):
            answer += piece
        made.close()
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    return body.decode("latin-1").strip() if head.startswith(b"HTTP/1.1 200") else ""


def prove(place, nonce):
    """Asks through both doors of the server. Refuses unless both answer with this run's nonce."""
    for tls in (False, True):
        try:
            said = fetch_nonce(place, tls=tls)
        except OSError as error:
            raise Refused(f"{place.name} did not answer /nonce: {error}") from error
        # A chunked answer has the nonce between its chunk sizes.
        if not nonce or nonce not in said.split():
            raise Refused(f"{place.name} did not echo the nonce of this run: this is not our server")
    return Proof(place, nonce)
