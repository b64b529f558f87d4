"""A thread for each client. The address that is used when none is given is a name: localhost."""

import socket
import sys
import threading
import time
from datetime import datetime

DEFAULT_ADDRESS = "localhost:5000"
ACCEPT_PAUSE = 0.02


def log(line):
    # One write: print would write the newline by itself, and another thread could come between.
    print(line + "\n", end="", flush=True)


def serve(client, peer):
    log(f"[+] Connected: {peer}")
    try:
        with client, client.makefile("rb") as lines:
            for line in lines:
                message = line.decode("utf-8", "replace").strip()
                timestamp = datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")
                client.sendall(f"[{timestamp}] Server got '{message}'\n".encode())
    except OSError as error:
        print(f"{peer}: {error}", file=sys.stderr)
    log(f"[-] Disconnected: {peer}")


def listen(address):
    host, port = address.rsplit(":", 1)
    return socket.create_server((host, int(port)), backlog=128)


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_ADDRESS
    try:
        listener = listen(address)
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"ex02: cannot listen on {address}: {error}")
    log("Server listening on {}:{}".format(*listener.getsockname()))
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
