"""The threaded server in Python: socketserver's threads, and its lines."""

import socketserver
import sys
import time
from datetime import datetime

ACCEPT_PAUSE = 0.02


def log(line):
    # One write: print would write the newline by itself, and another thread could come between.
    print(line + "\n", end="", flush=True)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        peer = "{}:{}".format(*self.client_address)
        log(f"[+] Connected: {peer}")
        try:
            for line in self.rfile:
                message = line.decode("utf-8", "replace").strip()
                timestamp = datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")
                self.wfile.write(f"[{timestamp}] Server got '{message}'\n".encode())
        except OSError as error:
            print(f"{peer}: {error}", file=sys.stderr)
        log(f"[-] Disconnected: {peer}")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def get_request(self):
        try:
            return super().get_request()
        except OSError as error:
            # The client stays in the accept queue, and the next try comes at once.
            print(f"cannot accept a client: {error}", file=sys.stderr)
            time.sleep(ACCEPT_PAUSE)
            raise


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5000"
    try:
        host, port = address.rsplit(":", 1)
        server = Server((host, int(port)), Handler)
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"ex02: cannot listen on {address}: {error}")
    print("Server listening on {}:{}".format(*server.server_address), flush=True)
    server.serve_forever()


main()
