"""A threading HTTP server that says nothing, closes what it opened, and keeps the mistakes of its handlers."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class QuietServer(ThreadingHTTPServer):
    """Serves on a free port of 127.0.0.1 within its `with` block.

    A client that goes away is no mistake. Any other exception of a handler is raised when the block ends.
    """

    # Threads are joined when the block ends: nothing is left open when a test checks for leaks.
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.mistakes: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="loopback")

    @property
    def url(self) -> str:
        """Where it answers, for example http://127.0.0.1:34567."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        self.shutdown()
        self._thread.join()
        with self._guard:
            for connection in self._open:
                hang_up(connection)
        self.server_close()
        if self.mistakes and kind is None:
            raise self.mistakes[0]

    def watch(self, connection: socket.socket) -> None:
        """Hang up this connection too when the block ends."""
        with self._guard:
            self._open.add(connection)

    def forget(self, connection: socket.socket) -> None:
        """Whoever watched it closes it now."""
        with self._guard:
            self._open.discard(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.watch(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.forget(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  (the base's signature)
        mistake = sys.exception()
        if mistake is not None and not isinstance(mistake, OSError):
            self.mistakes.append(mistake)


class QuietHandler(BaseHTTPRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base's signature)
        """Nobody reads it."""


def hang_up(connection: socket.socket) -> None:
    """End both directions; whoever blocks on the connection wakes up."""
    with contextlib.suppress(OSError):
        # Past TLS, whose own shutdown would forget the encryption under the feet of a reading thread.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
