"""A thread for each client, which logs with a plain print: Python writes the text and its newline one
after the other, so that what two threads print can run together in one line."""

import socket
import sys
import threading
import time
from datetime import datetime

ACCEPT_PAUSE = 0.02


def serve(client, peer):
    print(f"[+] Connected: {peer}", flush=True)
    try:
        with client, client.makefile("rb") as lines:
            for line in lines:
                message = line.decode("utf-8", "replace").strip()
                timestamp = datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")
                client.sendall(f"[{timestamp}] Server got '{message}'\n".encode())
    except OSError as error:
        print(f"{peer}: {error}", file=sys.stderr)
    print(f"[-] Disconnected: {peer}", flush=True)


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5000"
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        host, port = address.rsplit(":", 1)
        listener.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"ex02: cannot listen on {address}: {error}")
    listener.listen(128)
    print("Server listening on {}:{}".format(*listener.getsockname()), flush=True)
    while True:
        try:
            client, peer = listener.accept()
        except OSError as error:
            print(f"cannot accept a client: {error}", file=sys.stderr)
            time.sleep(ACCEPT_PAUSE)
            continue
        arguments = (client, "{}:{}".format(*peer))
        threading.Thread(target=serve, args=arguments, daemon=True).start()


main()
