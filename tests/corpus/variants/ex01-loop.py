"""One client at a time, in Python."""

import socket
import sys
from datetime import datetime, timezone


def serve(client):
    with client, client.makefile("rb") as lines:
        for line in lines:
            message = line.decode("utf-8", "replace").strip()
            timestamp = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
            client.sendall(f"[{timestamp}] Server got '{message}'\n".encode())


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5000"
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        host, port = address.rsplit(":", 1)
        listener.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"ex01: cannot listen on {address}: {error}")
    listener.listen(128)
    print("Server listening on {}:{}".format(*listener.getsockname()), flush=True)
    while True:
        client, peer = listener.accept()
        print("[+] Connected: {}:{}".format(*peer), flush=True)
        try:
            serve(client)
        except OSError as error:
            print(error, file=sys.stderr)
        print("[-] Disconnected: {}:{}".format(*peer), flush=True)


main()
