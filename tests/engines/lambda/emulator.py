"""AWS's Lambda runtime interface emulator with the packed function in it, and what Lambda makes of each invocation.

The emulator answers a request with what the function gave, be it a result or an error, and its answer does not say
which of them it was. Lambda tells them apart by the path of the Runtime API that the function has called, which the
emulator's own log has. Invocations are one at a time, as in one instance of a function.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import http.client
import json
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wait
from ministack import free_port, port_is_free

PATH = "/2015-03-31/functions/function/invocations"
START_SECONDS, END_SECONDS, DIED_SECONDS = 60.0, 10.0, 5.0
START_TRIES = 5
# Beyond the function's own timeout.
SPARE_SECONDS = 60.0
# As `log.Debug` of the emulator's AccessLogMiddleware writes it.
CALLED = re.compile(r"API request - POST /2018-06-01/runtime/invocation/(?P<id>[^/]+)/(?P<what>response|error)")
TIMED_OUT = re.compile(r"Task timed out after \d+\.00 seconds")


class Ending(enum.Enum):
    """What an invocation was to Lambda."""

    SUCCESS = "success"
    # The function has reported an error.
    ERROR = "error"
    # The function's process has ended.
    DIED = "died"
    TIMED_OUT = "timed out"


@dataclass(frozen=True)
class Shown:
    """An invocation as Lambda shows it."""

    ending: Ending
    body: str

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error_type(self) -> str | None:
        """`errorType` of a failed invocation; the emulator shows none if the function could not be started."""
        is_json = self.ending in (Ending.ERROR, Ending.DIED) and self.body != ""
        return str(self.value["errorType"]) if is_json else None

    @property
    def error_message(self) -> str:
        """`errorMessage` of a failed invocation."""
        return str(self.value["errorMessage"])


# The emulator has no layers, and /opt is this machine's. So it runs in a mount namespace of its own, with a folder there:
# util-linux's unshare, and no rights beyond the caller's.
MOUNTING = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount --bind "$0" /opt && exec "$@"')


class EmulatorFailed(Exception):
    """The emulator could not be started, has ended by itself, or says something that nobody expects."""


class EmulatorDied(EmulatorFailed):
    """It has ended by itself in the middle of an invocation."""


class Emulator:
    """One function. `start` and `stop` come in pairs; `stop` may be called at any time."""

    def __init__(
        self,
        program: Path,
        task: Path,
        layer: Path,
        environment: Mapping[str, str],
        logs: Path,
        ports: Callable[[], int] = free_port,
    ) -> None:
        """`task` is the folder with `bootstrap`, `layer` is what the function finds in /opt, and `environment` all that
        it has of one."""
        self.program = program
        self._task, self._layer, self._environment = task, layer, dict(environment)
        self._ports = ports
        self._timeout = float(self._environment["AWS_LAMBDA_FUNCTION_TIMEOUT"])
        self.log, self.output = logs.with_suffix(".emulator.log"), logs.with_suffix(".function.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ("127.0.0.1", 0)
        atexit.register(self.stop)

    def start(self) -> None:
        """Starts it on two free ports, and waits until it takes requests. The function starts with the first one."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(START_TRIES):
            if self._start_on(self._ports(), self._ports()):
                return
        raise EmulatorFailed(f"every port tried was taken by another program; see {self.log}")

    def stop(self) -> None:
        """Ends the emulator, which ends the function."""
        process, self._process = self._process, None
        if process is None:
            return
        function = _children(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        process.kill()
        process.wait()
        # The function is in a process group of its own, and its parent is gone.
        for child in function:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def invoke(self, event: Any, request_id: str | None = None) -> Shown:
        """Invokes the function with an event, as JSON."""
        return self.invoke_raw(json.dumps(event).encode(), request_id)

    def invoke_raw(self, payload: bytes, request_id: str | None = None) -> Shown:
        """Invokes the function with any payload. A retry of Lambda's has the same request id."""
        request_id = request_id or str(uuid.uuid4())
        begun = self.log.stat().st_size
        connection = http.client.HTTPConnection(*self._address, timeout=self._timeout + SPARE_SECONDS)
        try:
            connection.request("POST", PATH, payload, {"X-Amzn-RequestId": request_id})
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            what = EmulatorDied if self._has_died() else EmulatorFailed
            raise what(f"the emulator gave no answer: {error!r}; see {self.log}") from error
        finally:
            connection.close()
        return Shown(self._ending(answer.status, body, request_id, begun), body)

    def function(self) -> int:
        """The process of the function, which must have been invoked before."""
        process = self._process
        assert process is not None
        children = _children(process.pid)
        if len(children) != 1:
            raise EmulatorFailed(f"{len(children)} processes of the function instead of one: {children}")
        return children[0]

    def lines(self) -> list[dict[str, Any]]:
        """What the function has logged, but for its metrics."""
        lines = (line for line in self.output.read_text(errors="replace").splitlines() if line.startswith("{"))
        return [line for line in map(json.loads, lines) if "_aws" not in line]

    def _ending(self, status: int, body: str, request_id: str, begun: int) -> Ending:
        with self.log.open(errors="replace") as log:
            log.seek(begun)
            called = [found["what"] for line in log if (found := CALLED.search(line)) and found["id"] == request_id]
        if status == 200 and called == ["response"]:
            return Ending.SUCCESS
        if status == 200 and called == ["error"]:
            return Ending.ERROR
        if status == 200 and not called and TIMED_OUT.fullmatch(body):
            return Ending.TIMED_OUT
        if status == 502 and not called:
            return Ending.DIED
        raise EmulatorFailed(f"the emulator answered {status}, after the function had called {called}: {body}")

    def _start_on(self, port: int, runtime_port: int) -> bool:
        """True when it answers, False when another program has one of the ports."""
        if not (port_is_free(port) and port_is_free(runtime_port)):
            return False
        self._address = ("127.0.0.1", port)
        command = [
            *(*MOUNTING, str(self._layer)),
            *(str(self.program), "--log-level", "debug"),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
            str(self._task / "bootstrap"),
        ]
        # Files of its own, even if an emulator with the same names has not ended yet.
        self.log.unlink(missing_ok=True)
        self.output.unlink(missing_ok=True)
        with self.log.open("xb") as log, self.output.open("xb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=self._task,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )
        try:
            wait.until("the emulator to listen", lambda: self._listens(port), START_SECONDS, self._check)
        except EmulatorFailed:
            # It ends when it cannot listen; anything else is an error that another port does not mend.
            taken = "address already in use" in self.log.read_text(errors="replace")
            self.stop()
            if not taken:
                raise
            return False
        return True

    def _listens(self, port: int) -> bool:
        """On both ports: the function, which the first request starts, needs the other one at once."""
        return "Runtime API Server listening on" in self.log.read_text(errors="replace") and not port_is_free(port)

    def _has_died(self) -> bool:
        """Its connections are closed a moment before its process has ended."""
        process = self._process
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process is not None and process.wait(DIED_SECONDS) != 0
        return False

    def _check(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            raise EmulatorFailed(f"the emulator is not running; see {self.log}")


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which is in brackets and may have any character: state and parent.
            state, of = stat.read_text().rsplit(")", 1)[1].split()[:2]
            if int(of) == parent and state != "Z":
                found.append(int(stat.parent.name))
    return found
