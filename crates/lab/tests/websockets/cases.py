"""What the Autobahn test suite looks at, category by category, as bytes to send (RFC 6455, RFC 7692).

A case is a list of steps: bytes are sent, a number is how many messages must have come back before the next step, so that no case
depends on which of two things a server does first.
"""
from frames import BINARY, CLOSE, PING, PONG, TEXT, chop, closing, deflate, fragments, frame

BYE = closing(1000)
DEFLATE = "permessage-deflate"
SIZES = [0, 1, 125, 126, 127, 128, 1000, 65535, 65536, 65540]
VALID_TEXT = ["κόσμε", "\u0000", "\u007f", "\u0080", "\u07ff", "\u0800", "\uffff", "\U00010000", "\U0010ffff", "\ufffe", "\ud7ff", "\ue000", "\ufffd", "𝄞 clef"]
INVALID_TEXT = ["c0 80", "c0 af", "c1 bf", "e0 80 80", "e0 9f bf", "f0 80 80 80", "f0 8f bf bf", "f4 90 80 80", "f8 88 80 80 80", "fc 84 80 80 80 80", "ed a0 80", "ed af bf", "ed b0 80", "ed bf bf", "ed a0 80 ed b0 80", "80", "bf", "80 bf 80", "c2", "e1 80", "f1 80 80", "fe", "ff", "fe fe ff ff", "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64"]
CODES_GOOD = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
CODES_BAD = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
OFFERS = ["", "; client_max_window_bits", "; client_max_window_bits=9", "; server_max_window_bits=9", "; server_no_context_takeover", "; client_no_context_takeover", "; server_no_context_takeover; client_no_context_takeover", "; server_max_window_bits=15; client_max_window_bits=15", "; unknown=1", "; server_max_window_bits=7"]


def all_cases():
    """Yields (id, what it shows, header lines beside the usual ones, steps)."""
    yield from framing()
    yield from controls()
    yield from reserved()
    yield from fragmentation()
    yield from text()
    yield from closings()
    yield from limits()
    yield from compression()
    yield from openings()


def framing():
    for opcode in (TEXT, BINARY):
        for size in SIZES:
            yield f"1.{opcode}.{size}", "one frame (5.2)", [], [frame(opcode, b"*" * size), 1, BYE]
        for size in (1, 997):
            whole = frame(opcode, b"*" * 1200) if size == 1 else frame(opcode, b"*" * 65536)
            yield f"1.{opcode}.chop{size}", "one frame in pieces (5.2)", [], [*chop(whole, size), 1, BYE]
        for width in (2, 8):
            yield f"1.{opcode}.wide{width}", "a length field longer than needed (5.2)", [], [frame(opcode, b"*" * 5, width=width), 1, BYE]
        yield f"1.{opcode}.unmasked", "a client's frame without mask (5.1)", [], [frame(opcode, b"*", mask=None)]
        yield f"1.{opcode}.zeromask", "a mask of zeros (5.3)", [], [frame(opcode, b"hello", mask=bytes(4)), 1, BYE]


def controls():
    for size in (0, 1, 8, 124, 125):
        yield f"2.ping.{size}", "a ping gets a pong (5.5.2)", [], [frame(PING, b"p" * size), 1, BYE]
        yield f"2.pong.{size}", "a pong that nobody asked for (5.5.3)", [], [frame(PONG, b"p" * size), frame(TEXT, b"a"), 1, BYE]
    for size in (126, 1000):
        for opcode in (PING, PONG, CLOSE):
            yield f"2.long.{opcode}.{size}", "a control frame above 125 bytes (5.5)", [], [frame(opcode, b"p" * size)]
    yield "2.chop", "a ping in single bytes", [], [*chop(frame(PING, b"p" * 125), 1), 1, BYE]
    yield "2.ten", "ten pings in a row", [], [b"".join(frame(PING, b"%d" % at) for at in range(10)), 10, BYE]
    for opcode in (PING, PONG, CLOSE):
        yield f"2.fragment.{opcode}", "a control frame may not be a fragment (5.5)", [], [frame(opcode, b"", fin=0)]
    yield "2.binary", "a ping carries any bytes", [], [frame(PING, bytes(range(125))), 1, BYE]


def reserved():
    for rsv in range(1, 8):
        for opcode in (TEXT, BINARY, PING, CLOSE):
            yield f"3.{rsv}.{opcode}", "reserved bits without extension (5.2)", [], [frame(TEXT, b"a"), 1, frame(opcode, b"", rsv=rsv)]
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"4.{opcode}", "reserved opcodes (5.2)", [], [frame(TEXT, b"a"), 1, frame(opcode, b"x")]
        yield f"4.{opcode}.empty", "reserved opcodes (5.2)", [], [frame(opcode)]


def fragmentation():
    for opcode in (TEXT, BINARY):
        for count in (2, 3, 10):
            yield f"5.{opcode}.{count}", "a message in fragments (5.4)", [], [*fragments(opcode, b"f" * count * 10, 10), 1, BYE]
            yield f"5.{opcode}.{count}.together", "fragments in one segment (5.4)", [], [b"".join(fragments(opcode, b"f" * count * 10, 10)), 1, BYE]
        parts = fragments(opcode, b"f" * 30, 10)
        yield f"5.{opcode}.ping", "a ping between fragments (5.4)", [], [parts[0], frame(PING, b"p"), 1, parts[1], parts[2], 2, BYE]
        yield f"5.{opcode}.two", "a message inside a message (5.4)", [], [parts[0], frame(opcode, b"x")]
        yield f"5.{opcode}.empty", "empty fragments (5.4)", [], [frame(opcode, b"", 0), frame(0, b"", 0), frame(0, b""), 1, BYE]
        yield f"5.{opcode}.unfinished", "a close between fragments", [], [parts[0], BYE]
    for fin in (0, 1):
        yield f"5.0.{fin}", "a continuation of nothing (5.4)", [], [frame(0, b"x", fin)]
        yield f"5.0.{fin}.after", "a continuation after the end (5.4)", [], [frame(TEXT, b"a"), 1, frame(0, b"x", fin)]


def text():
    for at, value in enumerate(VALID_TEXT):
        data = value.encode()
        yield f"6.good.{at}", "valid text (8.1)", [], [frame(TEXT, data), 1, BYE]
        yield f"6.good.{at}.split", "a character in two fragments (8.1)", [], [*fragments(TEXT, data, 1), 1, BYE]
    for at, value in enumerate(INVALID_TEXT):
        yield f"6.bad.{at}", "invalid text (8.1)", [], [frame(TEXT, bytes.fromhex(value))]
        yield f"6.bad.{at}.binary", "which binary messages may hold", [], [frame(BINARY, bytes.fromhex(value)), 1, BYE]


def closings():
    yield "7.none", "no code at all (7.1.5)", [], [frame(CLOSE)]
    yield "7.one", "half a code (5.5.1)", [], [frame(CLOSE, b"\x03")]
    for code in CODES_GOOD + CODES_BAD:
        yield f"7.{code}", "codes that may and may not be sent (7.4)", [], [closing(code)]
        yield f"7.{code}.reason", "with a reason (7.4)", [], [closing(code, b"because")]
    for size in (0, 122, 123, 124):
        yield f"7.reason.{size}", "reasons up to a control frame's size (5.5.1)", [], [closing(1000, b"r" * size)]
    yield "7.reason.bad", "a reason that is no text (5.5.1)", [], [closing(1000, b"\xff\xfe")]
    yield "7.echo", "a message and the end in one segment", [], [frame(TEXT, b"last"), 1, BYE]
    yield "7.after.text", "data after the end is not answered (5.5.1)", [], [BYE + frame(TEXT, b"late")]
    yield "7.after.ping", "a ping after the end (5.5.1)", [], [BYE + frame(PING, b"late")]
    yield "7.half", "the client closes its half", [], [frame(TEXT, b"a"), 1, None]


def limits():
    for opcode in (TEXT, BINARY):
        for size in (65536, 262144, 1 << 20, 4 << 20):
            yield f"9.{opcode}.{size}", "large messages", [], [frame(opcode, b"*" * size), 1, BYE]
        for size in (1024, 4096, 65536, 262144):
            yield f"9.{opcode}.parts.{size}", "a megabyte in fragments", [], [b"".join(fragments(opcode, b"*" * (1 << 20), size)), 1, BYE]
        yield f"9.{opcode}.many", "a thousand messages", [], [b"".join(frame(opcode, b"%d" % at) for at in range(1000)), 1000, BYE]
    yield "10.auto", "a message in small writes", [], [*chop(frame(TEXT, b"*" * 65536), 1300), 1, BYE]


def compression():
    for at, offer in enumerate(OFFERS):
        header = [f"Sec-WebSocket-Extensions: {DEFLATE}{offer}"]
        for size in (0, 10, 1000, 100_000):
            packed = frame(TEXT, deflate(b"compress me " * (size // 12 + 1))[: None], rsv=4)
            yield f"12.{at}.{size}", "compressed messages (RFC 7692, 7.2)", header, [packed, 1, BYE] if at < 8 else [BYE]
        yield f"12.{at}.plain", "a message that is not compressed", header, [frame(TEXT, b"plain"), 1, BYE]
    header = [f"Sec-WebSocket-Extensions: {DEFLATE}"]
    yield "13.parts", "a compressed message in fragments (RFC 7692, 6.1)", header, [*fragments(TEXT, deflate(b"parts " * 500), 7, rsv=4), 1, BYE]
    yield "13.rsv", "the bit on a continuation (RFC 7692, 6.1)", header, [frame(TEXT, b"a", 0), frame(0, b"b", 1, rsv=4)]
    yield "13.control", "the bit on a control frame (RFC 7692, 6)", header, [frame(PING, b"a", rsv=4)]
    yield "13.broken", "data that cannot be inflated", header, [frame(TEXT, b"\xff\xff\xff\xff", rsv=4)]


def openings():
    """Opening handshakes. The usual lines are replaced by those of the same name; an empty value leaves a line out."""
    changes = ["Upgrade: ", "Upgrade: h2c", "Upgrade: WEBSOCKET", "Connection: ", "Connection: keep-alive", "Connection: keep-alive, Upgrade", "Connection: UPGRADE", "Sec-WebSocket-Version: ", "Sec-WebSocket-Version: 12", "Sec-WebSocket-Version: 14", "Sec-WebSocket-Key: ", "Sec-WebSocket-Key: short", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat, chat", "Sec-WebSocket-Protocol: other", "Origin: http://elsewhere.test", "Sec-WebSocket-Extensions: unknown", "Cookie: a=b"]
    for at, change in enumerate(changes):
        yield f"0.{at}", f"opening with `{change}` (4.2.1)", [change], [frame(TEXT, b"open"), 1, BYE]
    yield "0.early", "a frame in the same segment as the opening (4.1)", ["early"], [frame(TEXT, b"early"), 1, BYE]
