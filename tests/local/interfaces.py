"""ECS with network interfaces, for clients that read tasks from outside. Local only.

On AWS, DescribeTasks tells a task's network interface; the emulator's tasks have none without a
container engine. This server passes every call on to the emulator, and adds to DescribeTasks' answer
the interface that the bridge gave each task. Must not change anything else.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bridge import Watched

KEPT = ("content-type", "x-amz-target", "authorization", "x-amz-date", "x-amz-security-token")
TIMEOUT_SECONDS = 30.0


class EcsWithInterfaces:
    """A server on a free port of 127.0.0.1. `start` and `close` come in pairs."""

    def __init__(self, emulator_port: int, tasks: Callable[[], Iterable[Watched]]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(emulator_port, tasks))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """The value for `AWS_ENDPOINT_URL_ECS`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()


def with_interfaces(answer: dict[str, Any], tasks: Iterable[Watched]) -> dict[str, Any]:
    """DescribeTasks' answer with the network interface that ECS would return for each task."""
    known = {watched.arn: watched for watched in tasks}
    for task in answer.get("tasks", []):
        watched = known.get(task.get("taskArn", ""))
        if watched is None:
            continue
        attachment = watched.interface.attachment("DELETED" if watched.stopped else "ATTACHED")
        task["attachments"] = [attachment | {"type": "ElasticNetworkInterface"}]
        address = {
            "attachmentId": attachment["id"],
            "privateIpv4Address": watched.interface.address,
        }
        for container in task.get("containers", []):
            container["networkInterfaces"] = [address]
    return answer


def _handler(
    emulator_port: int, tasks: Callable[[], Iterable[Watched]]
) -> type[BaseHTTPRequestHandler]:
    class PassOn(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name: value for name, value in self.headers.items() if name.lower() in KEPT}
            connection = http.client.HTTPConnection(
                "127.0.0.1", emulator_port, timeout=TIMEOUT_SECONDS
            )
            try:
                connection.request("POST", self.path, body, headers)
                answer = connection.getresponse()
                status, text = answer.status, answer.read()
                kind = answer.getheader("Content-Type", "application/x-amz-json-1.1")
            finally:
                connection.close()
            if status == 200 and self.headers.get("X-Amz-Target", "").endswith(".DescribeTasks"):
                text = json.dumps(with_interfaces(json.loads(text), tasks())).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the timeline is the log."""

    return PassOn
