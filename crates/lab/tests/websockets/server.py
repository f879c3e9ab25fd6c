"""Echoes WebSocket messages with the settings that the library comes with."""
import asyncio
import logging
import sys

from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        await connection.send(message)


def choose(_connection, subprotocols):
    return "chat" if "chat" in subprotocols else None


async def main(port):
    settings = {"max_size": 64 << 20, "ping_interval": None, "close_timeout": 2, "select_subprotocol": choose}
    async with serve(echo, "127.0.0.1", port, **settings) as server:
        await server.serve_forever()


logging.disable(logging.CRITICAL)
asyncio.run(main(int(sys.argv[1])))
