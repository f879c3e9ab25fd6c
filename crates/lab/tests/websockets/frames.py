"""WebSocket frames as bytes, and what a server's bytes say (RFC 6455, section 5; RFC 7692)."""
import hashlib
import struct
import zlib

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=1, rsv=0, mask=b"\x11\x22\x33\x44", width=None):
    """One client frame; `width` forces a longer length field than is needed, `mask=None` leaves it unmasked."""
    width = width or (0 if len(payload) < 126 else 2 if len(payload) < 65536 else 8)
    code = {0: len(payload), 2: 126, 8: 127}[width]
    length = {0: b"", 2: struct.pack(">H", len(payload) & 0xFFFF), 8: struct.pack(">Q", len(payload))}[width]
    head = bytes([fin << 7 | rsv << 4 | opcode, (0x80 if mask else 0) | code]) + length
    if not mask:
        return head + payload
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")
    return head + mask + masked


def fragments(opcode, payload, size, rsv=0):
    """A message in frames of so many bytes."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return [frame(opcode if at == 0 else 0, part, int(at == last), rsv if at == 0 else 0) for at, part in enumerate(parts)]


def closing(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


def deflate(payload):
    """A message by itself (RFC 7692, section 7.2.1)."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def chop(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


class Reader:
    """Joins a server's frames to messages; notes only what cannot depend on how the bytes arrived."""

    def __init__(self):
        self.messages, self.close = [], None
        self.unread, self.parts, self.opcode, self.packed = b"", [], None, False
        self.unpacker = zlib.decompressobj(wbits=-15)

    def feed(self, data):
        self.unread += data
        while (step := self.next_frame()) is not None:
            self.take(*step)

    def next_frame(self):
        if len(self.unread) < 2:
            return None
        first, length = self.unread[0], self.unread[1] & 127
        begin = 2 + {126: 2, 127: 8}.get(length, 0)
        if len(self.unread) < begin:
            return None
        if length > 125:
            length = int.from_bytes(self.unread[2:begin], "big")
        if len(self.unread) < begin + length:
            return None
        payload, self.unread = self.unread[begin : begin + length], self.unread[begin + length :]
        return first, payload

    def take(self, first, payload):
        opcode = first & 15
        if opcode == CLOSE:
            code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
            self.close = [code, payload[2:].decode("utf-8", "replace")]
        elif opcode in (PING, PONG):
            self.note(opcode, payload)
        else:
            if opcode:
                self.opcode, self.packed = opcode, bool(first & 0x40)
            self.parts.append(payload)
            if first & 0x80:
                self.finish()

    def finish(self):
        whole = b"".join(self.parts)
        if self.packed:
            whole = self.unpacker.decompress(whole + b"\x00\x00\xff\xff")
        self.note(self.opcode, whole)
        self.parts, self.opcode = [], None

    def note(self, opcode, payload):
        self.messages.append([opcode, len(payload), hashlib.sha256(payload).hexdigest()[:16]])
