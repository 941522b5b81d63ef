"""The "engines": small HTTP servers that stand in for the tasks' containers.

Each listens on a loopback address of its own, as each task has an address of its own on
AWS, and answers with the task's name. Must not know about AWS.
"""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain

FIRST, LAST = 20, 250


class NoAddressLeft(Exception):
    """No loopback address of the pool can be listened on."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Binds without HTTPServer's look-up of the address's name, which can be slow."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of a client that has gone."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@dataclass
class Engine:
    """A running server. `stop` frees its address."""

    address: str
    port: int
    _server: _Server

    def stop(self) -> None:
        """Ends the server; afterwards connections are refused."""
        self._server.shutdown()
        self._server.server_close()


class EnginePool:
    """Starts engines on 127.0.0.20 to 127.0.0.250.

    A freed address is the last one to be used again, so that a late request can hardly
    reach another task's engine.
    """

    def __init__(self) -> None:
        self._next = FIRST

    def start(
        self, name: str, task_id: str, port: int, missing: frozenset[str] = frozenset()
    ) -> Engine:
        """Starts the engine of one task, which answers 404 at the paths in `missing`.

        An address that is taken is passed over.
        """
        why: OSError | None = None
        for number in chain(range(self._next, LAST + 1), range(FIRST, self._next)):
            address = f"127.0.0.{number}"
            try:
                server = _Server((address, port), _handler(name, task_id, missing))
            except OSError as error:
                why = error
                continue
            self._next = number + 1 if number < LAST else FIRST
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
            ).start()
            return Engine(address, port, server)
        raise NoAddressLeft(f"no address 127.0.0.{FIRST}-{LAST} is free on port {port}: {why}")


def usable_port(preferred: int) -> int:
    """`preferred`, or a free port where a listener on all addresses holds that one."""
    try:
        EnginePool().start("probe", "none", preferred).stop()
    except NoAddressLeft:
        with socket.socket() as probe:
            probe.bind((f"127.0.0.{FIRST}", 0))
            return int(probe.getsockname()[1])
    return preferred


def _handler(name: str, task_id: str, missing: frozenset[str]) -> type[BaseHTTPRequestHandler]:
    answer = f"engine {name} of task {task_id}\n".encode()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            is_missing = self.path in missing
            body = b"not found\n" if is_missing else answer
            self.send_response(404 if is_missing else 200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the timeline is the log."""

    return Answer
