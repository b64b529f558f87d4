"""A pool of workers in Python: concurrent.futures' executor."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime


def log(line):
    # One write: print would write the newline by itself, and another thread could come between.
    print(line + "\n", end="", flush=True)


def handle(client, peer):
    log(f"[+] Connected: {peer}")
    try:
        with client, client.makefile("rb") as lines:
            for line in lines:
                message = line.decode("utf-8", "replace").strip()
                if message == "panic":
                    raise RuntimeError("a client asked for a panic")
                timestamp = datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")
                client.sendall(f"[{timestamp}] Server got '{message}'\n".encode())
    except OSError as error:
        print(f"{peer}: {error}", file=sys.stderr)
    finally:
        log(f"[-] Disconnected: {peer}")


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5000"
    workers = sys.argv[2] if len(sys.argv) > 2 else "4"
    if not workers.isdigit() or int(workers) == 0:
        sys.exit(f"ex04: WORKERS must be a number above 0, not {workers}")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        host, port = address.rsplit(":", 1)
        listener.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"ex04: cannot listen on {address}: {error}")
    listener.listen(128)
    print("Server listening on {}:{}".format(*listener.getsockname()), flush=True)
    with ThreadPoolExecutor(max_workers=int(workers)) as pool:
        while True:
            client, peer = listener.accept()
            pool.submit(handle, client, "{}:{}".format(*peer))


main()
