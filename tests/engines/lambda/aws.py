"""AWS as the function sees it: MiniStack, with calls in between that fail, hang, break off, or answer something else.

It passes every call on, unless a fault is set for the operation, and keeps a record of all. What MiniStack lacks it
does itself: under the client token of a RunTask it keeps ECS's answer, be it tasks or `failures`, and repeats it. It
keeps no error, as ECS does not (docs/events.md, "Where a start is tried"). It listens on 127.0.0.1 only. Must not
answer anything else by itself that a test has not asked for.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

TIMEOUT_SECONDS = 60.0
JSON = "application/x-amz-json-1.1"
DROPPED = ("connection", "transfer-encoding", "content-length", "host")
# The only calls of the function that are told apart by method and path.
REST = {("POST", "schedules"): "CreateSchedule", ("DELETE", "schedules"): "DeleteSchedule"}


@dataclass(frozen=True)
class Call:
    """A call of the function."""

    operation: str
    body: str

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def token(self) -> tuple[str, str] | None:
        """What makes a RunTask the same as another: cluster and client token."""
        return (self.value["cluster"], self.value["clientToken"]) if self.operation == "RunTask" else None


@dataclass(frozen=True)
class Answer:
    """What a call is answered with."""

    status: int
    body: str
    content_type: str = JSON


class Hang:
    """The call is accepted, and never answered."""


class Break:
    """The connection ends without an answer."""


# An answer of AWS, one made of MiniStack's on its way, or none.
Fault = Answer | Callable[[str], str] | Hang | Break


def json_error(code: str, message: str, status: int = 400) -> Answer:
    """An error of ECS, EventBridge or Scheduler."""
    return Answer(status, json.dumps({"__type": code, "message": message, "Message": message}))


def xml_error(code: str, message: str, status: int = 400) -> Answer:
    """An error of ELB."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Answer(status, f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>", "text/xml")


class Aws:
    """A server on a free port. `start` and `close` come in pairs."""

    def __init__(self, emulator_port: int) -> None:
        self.calls: list[Call] = []
        self._faults: dict[str, Fault] = {}
        self._kept: dict[tuple[str, str], Answer] = {}
        self._closing = threading.Event()
        self._lock = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, emulator_port))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """The value for `AWS_ENDPOINT_URL`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def close(self) -> None:
        """Ends the server, and the calls that hang."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def sets(self, **faults: Fault) -> None:
        """From now on these operations have these faults, and no others have any."""
        with self._lock:
            self._faults = dict(faults)

    def received(self, operation: str) -> list[Call]:
        """The calls of one operation so far, oldest first."""
        with self._lock:
            return [call for call in self.calls if call.operation == operation]

    def wait_for(self, operation: str, number: int, seconds: float = TIMEOUT_SECONDS) -> None:
        """Waits until so many calls of an operation have come."""
        with self._lock:
            came = self._lock.wait_for(
                lambda: sum(call.operation == operation for call in self.calls) >= number, seconds
            )
        if not came:
            raise TimeoutError(f"{operation} was not called {number} times within {seconds:g} s")

    def take(self, call: Call) -> Fault | None:
        """Notes a call; what is to happen to it."""
        with self._lock:
            self.calls.append(call)
            self._lock.notify_all()
            return self._faults.get(call.operation)

    def kept(self, call: Call) -> Answer | None:
        """The answer that a call with this client token had before."""
        with self._lock:
            return self._kept.get(call.token) if call.token else None

    def keep(self, call: Call, answer: Answer) -> Answer:
        """The same answer, from now on that of all calls with this client token."""
        with self._lock:
            if call.token and answer.status == HTTPStatus.OK:
                self._kept[call.token] = answer
        return answer

    def wait_for_close(self) -> None:
        """Until `close`."""
        self._closing.wait()


def _operation(method: str, path: str, target: str | None, body: str) -> str:
    if target:
        return target.rsplit(".", 1)[-1]
    if "Action=" in body:
        return parse_qs(body)["Action"][0]
    return REST.get((method, path.strip("/").split("/")[0]), f"{method} {path}")


def _handler(aws: Aws, emulator_port: int) -> type[BaseHTTPRequestHandler]:
    class Handle(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            operation = _operation(self.command, self.path, self.headers.get("X-Amz-Target"), body.decode())
            call = Call(operation, body.decode())
            fault = aws.take(call)
            if isinstance(fault, Hang):
                aws.wait_for_close()
            if isinstance(fault, (Hang, Break)):
                self.close_connection = True
            elif isinstance(fault, Answer):
                self._answer(aws.keep(call, fault))
            else:
                answer = aws.kept(call) or aws.keep(call, self._of_emulator(body))
                self._answer(replace(answer, body=fault(answer.body)) if fault else answer)

        do_GET = do_POST = do_PUT = do_DELETE = _handle

        def _of_emulator(self, body: bytes) -> Answer:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in DROPPED}
            connection = http.client.HTTPConnection("127.0.0.1", emulator_port, timeout=TIMEOUT_SECONDS)
            try:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                kind = answer.getheader("Content-Type", JSON)
                return Answer(answer.status, answer.read().decode(), kind)
            finally:
                connection.close()

        def _answer(self, answer: Answer) -> None:
            text = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the calls are kept."""

    return Handle
