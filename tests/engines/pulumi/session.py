"""The example under Pulumi's engine: one process of Node (`pulumi/tests/engine.ts`), which gets commands and tells
events.

Every command is bounded; one that hangs is ended, and what it has told is shown. Must not know AWS.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bounded import kill_group
from install import ROOT

PULUMI = ROOT / "pulumi"
# Most commands take seconds; more than this is an engine that hangs, on however busy a machine.
SECONDS = 600.0
SHOWN_LINES = 40


class EngineHung(Exception):
    """A command did not end in time."""


class OperationFailed(Exception):
    """A command failed that should not have."""


@dataclass(frozen=True)
class Step:
    """What the engine does with one resource, in the order of its beginning."""

    op: str
    type: str
    name: str
    # The inputs that differ, as the provider says.
    diffs: tuple[str, ...]
    # The inputs that the engine has checked.
    inputs: dict[str, Any] = field(hash=False, compare=False)
    urn: str = field(compare=False)

    @property
    def key(self) -> str:
        """As in `aws:sqs/queue:Queue failures`."""
        return f"{self.type} {self.name}"


@dataclass
class Operation:
    """What came of one command."""

    events: list[dict[str, Any]] = field(default_factory=list)
    result: Any = None
    error: str = ""

    @property
    def steps(self) -> list[Step]:
        """All but those that leave a resource as it is."""
        return [step for step in self.all_steps if step.op not in ("same", "read")]

    @property
    def all_steps(self) -> list[Step]:
        """What the engine has begun."""
        return [_step(event["resourcePreEvent"]["metadata"]) for event in self.events if "resourcePreEvent" in event]

    @property
    def ended(self) -> list[Step]:
        """What the engine has done; of a refresh, what it has found."""
        found = [event["resOutputsEvent"]["metadata"] for event in self.events if "resOutputsEvent" in event]
        return [_step(each) for each in found if each["op"] not in ("same", "read")]

    @property
    def warnings(self) -> list[str]:
        """What the engine warns its user of."""
        said = [event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event]
        return [each["message"] for each in said if each["severity"] == "warning"]

    @property
    def errors(self) -> str:
        """What the engine says of a failure."""
        said = [event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event]
        return "\n".join([*(each["message"] for each in said if each["severity"] == "error"), self.error])


def _step(metadata: dict[str, Any]) -> Step:
    urn = metadata["urn"]
    inputs = (metadata.get("new") or metadata.get("old") or {}).get("inputs") or {}
    name, diffs = urn.split("::", 3)[3], tuple(metadata.get("diffs") or ())
    return Step(metadata["op"], metadata["type"], name, diffs, inputs, urn)


class Session:
    """One process. Close it at the end."""

    def __init__(
        self, folder: Path, environment: dict[str, str], log: Path, command: list[str] | None = None
    ) -> None:
        if shutil.which("node") is None or not (PULUMI / "component" / "lib").exists():
            raise OperationFailed("Node 20 and the compiled component are needed: make component")
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command or ["node", "--import", "tsx", "tests/engine.ts", str(folder / "work")],
                cwd=PULUMI,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._running: Operation | None = None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def run(self, command: str, **more: Any) -> Operation:
        """A command that must succeed."""
        operation = self.attempt(command, **more)
        if operation.error:
            raise OperationFailed(f"{command}: {operation.errors}")
        return operation

    def attempt(self, command: str, seconds: float = SECONDS, **more: Any) -> Operation:
        """A command that may fail."""
        self.begin(command, **more)
        return self.end(seconds)

    def begin(self, command: str, **more: Any) -> None:
        """Starts a command, which `end` waits for."""
        assert self._process.stdin is not None
        self._running = Operation()
        # If the process has ended, `end` says how.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"run": command, **more}) + "\n")
            self._process.stdin.flush()

    def end(self, seconds: float = SECONDS) -> Operation:
        """Waits for the command that was begun."""
        operation, self._running = self._running, None
        assert operation is not None
        waited = threading.Event()
        timer = threading.Timer(seconds, waited.set)
        timer.daemon = True
        timer.start()
        try:
            while True:
                message = self._next(operation, waited, seconds)
                if "event" in message:
                    operation.events.append(message["event"])
                    continue
                operation.result = message["ended"].get("result")
                operation.error = message["ended"].get("error", "")
                return operation
        finally:
            timer.cancel()

    def _next(self, operation: Operation, waited: threading.Event, seconds: float) -> dict[str, Any]:
        while not waited.is_set():
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=0.2)
                if line is None:
                    raise OperationFailed(f"the process of Node has ended:\n{self._said(operation)}")
                message: dict[str, Any] = json.loads(line)
                return message
        self.close()
        raise EngineHung(f"the engine did not end within {seconds:g} s; it said:\n{self._said(operation)}")

    def _said(self, operation: Operation) -> str:
        events = [json.dumps(event)[:300] for event in operation.events[-SHOWN_LINES:]]
        return "\n".join([*events, *self._log.read_text().splitlines()[-SHOWN_LINES:]])

    def engine_pid(self) -> int:
        """The engine's process, which is a child of ours."""
        for pid in _children(self._process.pid):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == "pulumi":
                    return pid
        raise OperationFailed("no engine is running")

    def kill_engine(self) -> None:
        """As by a crash: it can save nothing, and release nothing."""
        os.kill(self.engine_pid(), signal.SIGKILL)

    def close(self) -> None:
        """Ends the process and its children, which are in a group of their own. May be called twice."""
        if self._process.returncode is not None:
            # Reaped: its number may be another's now.
            return
        kill_group(self._process.pid)
        self._process.wait()


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended; nobody may have asked yet how it did."""
    with contextlib.suppress(OSError):
        # After the name, which is in brackets and may have any character.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
