"""A server before the emulator, for what AWS tells and the emulator does not. Local only.

It passes every call on to the emulator, and gives an answer of its own only to the operations that it was given one
for. Must not know any operation.
"""

from __future__ import annotations

import http.client
import sys
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMEOUT_SECONDS = 30.0
# Of a connection, and not of a message: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
OF_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade")


@dataclass(frozen=True)
class Call:
    """A request to AWS."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """`DescribeTasks`, from the header of AWS's JSON protocols or the form of its query protocol.

        Of other protocols method and path, as in `GET /2015-03-31/functions/NAME`.
        """
        for name, value in self.headers.items():
            if name.lower() == "x-amz-target":
                return value.rsplit(".", 1)[-1]
        return self.form().get("Action") or f"{self.method} {self.path.partition('?')[0]}"

    def form(self) -> dict[str, str]:
        """The fields of a request of AWS's query protocol; none of another request."""
        is_form = any(
            name.lower() == "content-type" and value.startswith("application/x-www-form-urlencoded")
            for name, value in self.headers.items()
        )
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True)) if is_form else {}


@dataclass(frozen=True)
class Answer:
    """What AWS, or the emulator, says."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


PassOn = Callable[[Call], Answer]
# Answers a call, for which it may pass on the same or another one.
Answerer = Callable[[Call, PassOn], Answer]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of a client that has gone."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class StandIn:
    """A server on a free port of 127.0.0.1. `start` and `close` come in pairs.

    `emulator_port` is asked for with each call, since the server may be there before the emulator.
    """

    def __init__(
        self, emulator_port: Callable[[], int], answerers: Mapping[str, Answerer] | None = None
    ) -> None:
        answers = self._answerers = dict(answerers or {})
        self._server = _Server(("127.0.0.1", 0), _handler(emulator_port, answers))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """The value for `AWS_ENDPOINT_URL`, or for that of one service."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, answerers: Mapping[str, Answerer]) -> None:
        """Has answers of its own to these operations too, from now on."""
        self._answerers.update(answerers)

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def close(self) -> None:
        """Ends the server, whether it has begun or not."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


def _pass_on(port: int, call: Call) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    headers = {name: value for name, value in call.headers.items() if _is_kept(name)}
    try:
        connection.request(call.method, call.path, call.body, headers)
        answer = connection.getresponse()
        kept = tuple(pair for pair in answer.getheaders() if _is_kept(pair[0]))
        return Answer(answer.status, kept, answer.read())
    finally:
        connection.close()


def _is_kept(header: str) -> bool:
    return header.lower() not in OF_CONNECTION


def _handler(
    emulator_port: Callable[[], int], answerers: Mapping[str, Answerer]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            call = Call(self.command, self.path, dict(self.headers.items()), body)
            answerer = answerers.get(call.operation)

            def pass_on(this: Call) -> Answer:
                return _pass_on(emulator_port(), this)

            self._send(answerer(call, pass_on) if answerer is not None else pass_on(call))

        do_GET = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_POST

        def _send(self, answer: Answer) -> None:
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the timeline is the log."""

    return Handler
