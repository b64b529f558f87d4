"""The client for the keyboard, in Python."""

import socket
import sys


def main():
    host, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5000").rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), 2) as connection:
            connection.settimeout(None)
            replies = connection.makefile("r", encoding="utf-8", newline="\n")
            for line in sys.stdin:
                connection.sendall((line.rstrip("\n") + "\n").encode())
                reply = replies.readline()
                if not reply.endswith("\n"):
                    sys.exit("the server is gone")
                print("> " + reply, end="", flush=True)
    except OSError as error:
        sys.exit(f"the server is gone: {error}")


main()
