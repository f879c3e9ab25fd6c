"""Calls the service in every way that gRPC knows, and prints what it saw, one line of JSON for each.

Usage: caller.py PORT AUTHORITY [CASE...]"""

import json
import sys
import threading

import grpc

METHOD = "/shop.v1.Shop/"
WITHIN = 20


def seen(call):
    """What a finished call shows."""
    return {
        "code": call.code().name,
        "details": call.details(),
        "headers": plain(call.initial_metadata()),
        "trailers": plain(call.trailing_metadata()),
    }


def plain(metadata):
    ours = [(key, value) for key, value in metadata or () if key.endswith(("-of-app", "-of-app-bin"))]
    return [[key, value.hex() if isinstance(value, bytes) else value] for key, value in ours]


def unary(channel, name, message, metadata=(), timeout=WITHIN):
    try:
        answer, call = channel.unary_unary(METHOD + name).with_call(message, timeout=timeout, metadata=metadata)
        return {"answer": answer.decode("latin-1"), **seen(call)}
    except grpc.RpcError as error:
        return seen(error)


def stream(call):
    """The lengths of a stream's messages, and how it ended."""
    lengths = []
    try:
        for message in call:
            lengths.append(len(message))
    except grpc.RpcError:
        pass
    return {"messages": len(lengths), "bytes": sum(lengths), **seen(call)}


def deadline(channel):
    """The words of a deadline are the library's own, by who notices it first."""
    return {"code": unary(channel, "Late", b"3", timeout=0.5)["code"]}


def download(channel, message):
    return stream(channel.unary_stream(METHOD + "Download")(message, timeout=WITHIN))


def upload(channel, count, size):
    messages = (bytes(size) for _ in range(count))
    answer, call = channel.stream_unary(METHOD + "Upload").with_call(messages, timeout=WITHIN)
    return {"answer": answer.decode(), **seen(call)}


def talk(channel, turns):
    """Each message waits for the answer to the one before."""
    heard = threading.Semaphore(1)

    def messages():
        for number in range(turns):
            heard.acquire(timeout=WITHIN)
            yield b"%d" % number

    call = channel.stream_stream(METHOD + "Talk")(messages(), timeout=WITHIN)
    answers = []
    for answer in call:
        answers.append(answer.decode())
        heard.release()
    return {"answers": answers, **seen(call)}


def cancelled(channel):
    call = channel.unary_stream(METHOD + "Download")(b"1000 65536", timeout=WITHIN)
    first = len(next(call))
    call.cancel()
    return {"first": first, "code": call.code().name}


def announced(channel):
    """Headers come before there is any message."""
    call = channel.unary_stream(METHOD + "Announces")(b"5", timeout=WITHIN)
    return {"headers_first": plain(call.initial_metadata()), **stream(call)}


def quiet(channel):
    """A conversation in which both are silent for longer than a body may take."""
    pause = threading.Event()

    def messages():
        yield b"before"
        pause.wait(13)
        yield b"after"

    call = channel.stream_stream(METHOD + "Talk")(messages(), timeout=30)
    return {"answers": [answer.decode() for answer in call], **seen(call)}


def beside_streams(channel):
    """Twenty streams without a message as yet, and a short call beside them."""
    calls = [channel.unary_stream(METHOD + "Announces")(b"100", timeout=WITHIN) for _ in range(20)]
    begun = [plain(call.initial_metadata()) for call in calls]
    short = unary(channel, "Unary", b"ABC", timeout=5)
    for call in calls:
        call.cancel()
    return {"begun": len([headers for headers in begun if headers]), "short": short}


def many(channel):
    """150 calls at a time: more than one connection of HTTP/2 need carry."""
    calls = [channel.unary_unary(METHOD + "Unary").future(b"%d" % number, timeout=WITHIN) for number in range(150)]
    return {"answers": sorted(int(call.result()[::-1]) for call in calls)}


CUSTOM = (("custom", "a value"), ("custom-bin", b"\x00\x01\xff"))
CASES = {
    "unary": lambda channel: unary(channel, "Unary", b"ABC"),
    "empty": lambda channel: unary(channel, "Unary", b""),
    "large": lambda channel: unary(channel, "Unary", bytes(700_000)),
    "said": lambda channel: unary(channel, "Said", b"", CUSTOM),
    "fails": lambda channel: unary(channel, "Fails", b""),
    "no such method": lambda channel: unary(channel, "Nothing", b""),
    "deadline": deadline,
    "download of many": lambda channel: download(channel, b"2000 100"),
    "download of much": lambda channel: download(channel, b"60 500000"),
    "download of nothing": lambda channel: download(channel, b"0 0"),
    "upload of many": lambda channel: upload(channel, 2_000, 100),
    "upload of nothing": lambda channel: upload(channel, 0, 0),
    "talk": lambda channel: talk(channel, 200),
    "cancelled": cancelled,
    "announced": announced,
    "many": many,
}
ALONE = {"quiet": quiet, "beside streams": beside_streams}


def main():
    port, authority, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
    credentials = grpc.ssl_channel_credentials(open(authority, "rb").read())
    options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.enable_retries", 0)]
    with grpc.secure_channel(f"localhost:{port}", credentials, options) as channel:
        for name, case in (CASES | ALONE).items():
            if name in (wanted or CASES):
                print(json.dumps({"case": name, **case(channel)}), flush=True)


main()
