"""An HTTP proxy that takes every connection to one place, whatever name was asked for.

The SDKs make names of an endpoint, cache.ENDPOINT and control.ENDPOINT, that no name server here knows. Behind this
proxy they need none, and still check certificates against the names.
"""

from __future__ import annotations

import socket
import socketserver
import threading

PIECE_BYTES = 65536


class Tunnel(socketserver.ThreadingTCPServer):
    """Listens on a port of its own, until it is closed."""

    daemon_threads = True

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target = target
        self.asked: set[str] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """What the environment calls a proxy."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        super().__exit__(*args)


class _Connection(socketserver.StreamRequestHandler):
    server: Tunnel

    def handle(self) -> None:
        method, name, _ = self.rfile.readline().decode().split()
        assert method == "CONNECT"
        while self.rfile.readline().strip():
            pass
        self.server.asked.add(name)
        with socket.create_connection(self.server.target) as upstream:
            self.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join()


def _copy(source: socket.socket, to: socket.socket) -> None:
    try:
        while piece := source.recv(PIECE_BYTES):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # either end may go first
