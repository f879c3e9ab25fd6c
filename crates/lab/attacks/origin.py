"""The app behind the servers: small answers, counted, with one random word that proves whose app it is.

    GET /nonce  the random word of this run        GET /slow  200 KB
    GET /       1 KB                               GET /big   1 MB
    GET /ws     accepts a WebSocket, then silence  GET /stats what it has counted, as JSON
    POST …      reads the body, says how long it was
"""

import asyncio
import base64
import collections
import hashlib
import json
import os

SMALL, SLOW, BIG = b"x" * 1024, b"x" * 200_000, b"x" * 1_000_000
HEAD_LIMIT = 256 * 1024
SILENCE_SECONDS = 60
ACCEPT = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


class Origin:
    """One origin app with its nonce and its counters."""

    def __init__(self, nonce):
        self.nonce = nonce.encode()
        self.seen = collections.Counter()

    async def serve(self, reader, writer):
        """One connection: request after request, until the server ends it."""
        self.seen["connections"] += 1
        try:
            while await self.one(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError):
            self.seen["broken"] += 1
        finally:
            writer.close()

    async def one(self, reader, writer):
        """Answers one request; false when the connection is over."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                return False
            raise
        method, path, fields = read_head(head)
        path = path.partition(b"?")[0]
        self.seen["requests"] += 1
        self.seen[f"{method.decode('latin-1')} {path[:32].decode('latin-1')}"] += 1
        if path == b"/ws" and b"upgrade" in fields:
            writer.write(ACCEPT + b"Sec-WebSocket-Accept: " + accept_of(fields) + b"\r\n\r\n")
            # Whatever comes is thrown away until the server hangs up.
            while await asyncio.wait_for(reader.read(4096), SILENCE_SECONDS):
                pass
            return False
        length = await read_body(reader, fields)
        writer.write(answer(method, self.body_for(method, path, length)))
        return True

    def body_for(self, method, path, length):
        if method == b"POST":
            return str(length).encode()
        if path == b"/stats":
            return json.dumps(self.seen).encode()
        return {b"/nonce": self.nonce, b"/slow": SLOW, b"/big": BIG}.get(path, SMALL)


def read_head(head):
    """Method, target and fields (the last of each name, names in small letters)."""
    lines = head.split(b"\r\n")
    method, path, _ = lines[0].split(b" ", 2)
    fields = {}
    for line in lines[1:-2]:
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip()
    return method, path, fields


async def read_body(reader, fields):
    """Reads a body and throws it away; its length."""
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        total = 0
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await reader.readexactly(size + 2)
            total += size
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return total
    rest = total = int(fields.get(b"content-length", b"0"))
    while rest:
        piece = await reader.read(min(rest, 65536))
        if not piece:
            raise asyncio.IncompleteReadError(b"", rest)
        rest -= len(piece)
    return total


def accept_of(fields):
    """The proof that the handshake was understood (RFC 6455, section 4.2.2)."""
    key = fields.get(b"sec-websocket-key", b"") + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(key).digest())


def answer(method, body):
    # Ranges are offered, as file servers do, so that a server before us has no reason to drop the field.
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nAccept-Ranges: bytes\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + (b"" if method == b"HEAD" else body)


def run(nonce, ready):
    """Runs in a process of its own; sends its port through the pipe `ready`."""

    async def forever():
        app = Origin(nonce)
        server = await asyncio.start_server(app.serve, "127.0.0.1", 0, limit=HEAD_LIMIT, backlog=4096)
        ready.send(server.sockets[0].getsockname()[1])
        ready.close()
        async with server:
            parent = os.getppid()
            # If the program that started us is gone, nobody needs us.
            while os.getppid() == parent:
                await asyncio.sleep(1)

    asyncio.run(forever())
