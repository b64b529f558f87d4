"""The stress client in Python, on asyncio."""

import asyncio
import re
import sys
import time
from datetime import datetime

REPLY = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d{1,9}\s*(?:Z|[+-]\d\d:?\d\d)?\] Server got '(.*)'")


async def connect(host, port):
    return await asyncio.wait_for(asyncio.open_connection(host, port), 2)


async def talk(connection, number):
    reader, writer = connection
    try:
        writer.write(f"Hello from client {number}\n".encode())
        line = await asyncio.wait_for(reader.readline(), 2.2)
    finally:
        writer.close()
    if not line.endswith(b"\n"):
        raise ValueError("the connection ended before the reply did")
    reply = line.decode().rstrip("\n")
    match = REPLY.fullmatch(reply)
    if not match or match[2] != f"Hello from client {number}":
        raise ValueError(f"not the reply: {reply!r}")
    datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S")
    return reply


async def run(host, port, clients):
    start = time.monotonic()
    connections = await asyncio.gather(
        *(connect(host, port) for _ in range(clients)), return_exceptions=True
    )

    async def one(number, connection):
        if isinstance(connection, BaseException):
            raise connection
        return await talk(connection, number)

    replies = await asyncio.gather(
        *(one(number, connection) for number, connection in enumerate(connections)),
        return_exceptions=True,
    )
    answered = 0
    for number, reply in enumerate(replies):
        if isinstance(reply, BaseException):
            print(f"client {number} failed: {reply!r}", file=sys.stderr)
        else:
            answered += 1
            print(f"client {number}: {reply}")
    elapsed = (time.monotonic() - start) * 1000
    print(f"{answered}/{clients} clients got a reply in {elapsed:.0f} ms")
    return answered == clients


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5000"
    clients = sys.argv[2] if len(sys.argv) > 2 else "20"
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not clients.isdigit():
        sys.exit(f"ex03: not an address and a number: {address} {clients}")
    sys.exit(0 if asyncio.run(run(host, int(port), int(clients))) else 1)


main()
