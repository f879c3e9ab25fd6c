"""A service of gRPC without generated code: messages are bytes. Usage: service.py PORT [CHAIN KEY]"""

import sys
import time
from concurrent import futures

import grpc

SERVING = b"\x08\x01"


def unary(message, context):
    return message[::-1]


def said(message, context):
    """What the service hears of a call besides its message."""
    told = {key: value for key, value in context.invocation_metadata()}
    context.set_trailing_metadata((("trailer-of-app", "yes"), ("bytes-of-app-bin", b"\x00\xff")))
    context.send_initial_metadata((("header-of-app", "yes"),))
    names = ("portcullis-tier", "x-forwarded-for", "x-forwarded-proto", "custom", "custom-bin")
    return "\n".join(f"{name}={told.get(name)!r}" for name in names).encode()


def fails(message, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the stock is empty: 0 % left, \u00e4h")


def late(message, context):
    time.sleep(float(message))
    return b"late"


def download(message, context):
    count, size = map(int, message.split())
    for number in range(count):
        yield bytes([number % 251]) * size


def upload(messages, context):
    return str(sum(len(message) for message in messages)).encode()


def talk(messages, context):
    for message in messages:
        yield b"re: " + message


def announces(message, context):
    """Says at once that it answers, and its only message when the caller has long gone on."""
    context.send_initial_metadata((("header-of-app", "soon"),))
    for _ in range(int(message)):
        if not context.is_active():
            return
        time.sleep(0.1)
    yield b"at last"


HANDLERS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Said": grpc.unary_unary_rpc_method_handler(said),
    "Fails": grpc.unary_unary_rpc_method_handler(fails),
    "Late": grpc.unary_unary_rpc_method_handler(late),
    "Download": grpc.unary_stream_rpc_method_handler(download),
    "Announces": grpc.unary_stream_rpc_method_handler(announces),
    "Upload": grpc.stream_unary_rpc_method_handler(upload),
    "Talk": grpc.stream_stream_rpc_method_handler(talk),
}


def main():
    port, files = sys.argv[1], sys.argv[2:]
    server = grpc.server(futures.ThreadPoolExecutor(64), options=[("grpc.max_receive_message_length", 64 << 20)])
    health = grpc.unary_unary_rpc_method_handler(lambda message, context: SERVING)
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("shop.v1.Shop", HANDLERS),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": health}),
        )
    )
    if files:
        chain, key = (open(name, "rb").read() for name in files)
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials(((key, chain),)))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination(timeout=300)


main()
