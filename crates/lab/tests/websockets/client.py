"""Runs all cases against a port of this machine; prints what was seen, one JSON object a line."""
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

from cases import all_cases
from frames import Reader

USUAL = {
    "Host": "app.test",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
TOLD = ("sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions")
SILENCE = 1.5


def opening(changes):
    lines = dict(USUAL)
    for change in changes:
        if ": " in change:
            name, value = change.split(": ", 1)
            lines[name] = value
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"GET /ws HTTP/1.1\r\n{text}\r\n".encode()


def read_head(stream):
    head = b""
    while b"\r\n\r\n" not in head:
        data = stream.recv(65536)
        if not data:
            break
        head += data
    head, _, rest = head.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1)[:1] + line.split(": ", 1)[1:] for line in lines[1:] if ": " in line)
    return lines[0].split(" ")[1:2], {name: fields.get(name) for name in TOLD}, rest


def run(port, case):
    number, says, changes, steps = case
    reader, ended = Reader(), "open"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        early = "early" in changes
        stream.sendall(opening(changes) + (steps[0] if early else b""))
        status, told, rest = read_head(stream)
        saw = {"status": status, "told": told}
        if status == ["101"]:
            reader.feed(rest)
            ended = play(stream, reader, steps[1:] if early else steps)
            saw |= {"messages": reader.messages, "close": reader.close, "ended": ended}
    return {"id": number, "says": says, "saw": saw}


def play(stream, reader, steps):
    try:
        for step in steps:
            if step is None:
                stream.shutdown(socket.SHUT_WR)
            elif isinstance(step, int):
                while len(reader.messages) < step:
                    if not receive(stream, reader, 10):
                        return "closed"
            else:
                stream.sendall(step)
        while receive(stream, reader, SILENCE):
            pass
        return "closed"
    except TimeoutError:
        return "open"
    except OSError:
        # A server that has failed a connection may reset it while bytes are still coming.
        return "closed"


def receive(stream, reader, seconds):
    stream.settimeout(seconds)
    data = stream.recv(1 << 20)
    reader.feed(data)
    return bool(data)


if __name__ == "__main__":
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda case: run(int(sys.argv[1]), case), all_cases()):
            print(json.dumps(result, sort_keys=True))
