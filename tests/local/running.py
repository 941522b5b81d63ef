"""The deployed stack as it runs here: the emulator, what the Pulumi program registered in it, the bridge.

The demo and the playground start and end the same; what they show is their own. Must not leave a process behind.
"""

from __future__ import annotations

import atexit
import functools
import json
import platform
import sys
from pathlib import Path
from typing import Any

from bridge import LOOK_SECONDS, SOUND, Bridge, Containers, Watched
from deployed import Stack, read
from deployment import deploy
from engine import usable_port
from function_log import FunctionLog
from ministack import REGION, MiniStack
from provider import Provider
from screen import Screen

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "target" / "lambda" / "start-engines-lambda" / "bootstrap.zip"
LOGS = ROOT / "target" / "local"
PREFERRED_PORT = 8080
LAST_LINES, LINE_WIDTH = 15, 400


class Running:
    """One run, from the emulator's start to its end. `step` names the part that runs, or failed."""

    def __init__(self, bundle: Path, logs: Path, buffered: bool = False) -> None:
        self.step = "preparation"
        self.emulator = MiniStack(logs / "ministack.log")
        # A second fence: should anything go wrong, this still ends the emulator.
        atexit.register(self.emulator.stop)
        self.outputs: dict[str, Any] = {}
        self.port = PREFERRED_PORT
        self._bundle, self._logs, self._buffered = bundle, logs, buffered
        self._function_log = logs / "function.log"
        self._stack: Stack | None = None
        self._provider: Provider | None = None
        self._bridge: Bridge | None = None

    @property
    def stack(self) -> Stack:
        """What was deployed. `deploy` must have been called."""
        assert self._stack is not None
        return self._stack

    @property
    def provider(self) -> Provider:
        """What has created it."""
        assert self._provider is not None
        return self._provider

    @property
    def bridge(self) -> Bridge:
        """What watches its tasks. `watch` must have been called."""
        assert self._bridge is not None
        return self._bridge

    def start(self) -> None:
        """Starts the emulator."""
        for old in (self.emulator.log, self._function_log):
            old.unlink(missing_ok=True)
        if sys.platform != "linux":
            raise RuntimeError("the function is a Linux program and runs as a process here: use Linux")
        if not self._bundle.is_file():
            raise RuntimeError(f"{self._bundle} is missing: build the function first")
        self.step = "the emulator's start"
        self.emulator.start()

    def deploy(self, endpoint: str | None = None) -> None:
        """Creates the stack. The function finds AWS at `endpoint`, else at the emulator's own."""
        self.step = "deployment"
        self.port = usable_port(PREFERRED_PORT)
        client = functools.partial(self.emulator.client, endpoint=endpoint)
        self._provider = Provider(functools.cache(client))
        self.outputs = deploy(self._provider, self._config())
        self._stack = read(self.outputs, self._provider)

    def watch(self, containers: Containers = SOUND, look_seconds: float = LOOK_SECONDS) -> None:
        """Begins to watch the tasks, and looks for them so often."""
        self.step = "bridge"
        stack = self.stack
        changes = stack.buffers.state_changes if stack.buffers else None
        windows = {changes.queue_arn: changes.window_seconds} if changes else None
        bridge = Bridge(
            self.emulator.client,
            stack.cluster,
            stack.state_rule,
            stack.subnet,
            self.port,
            windows,
            containers,
            look_seconds,
        )
        # Noted first: a signal that comes between must find what to close.
        self._bridge = bridge
        bridge.start()

    def tasks(self) -> list[Watched]:
        """The tasks that the bridge has seen; none before it watches."""
        return self._bridge.tasks() if self._bridge is not None else []

    def check(self) -> None:
        """Raises when something has ended by itself."""
        self.emulator.check()
        if self._bridge is not None and self._bridge.failure is not None:
            raise self._bridge.failure

    def explain(self, screen: Screen, error: Exception, step: str) -> str:
        """The problem in one line, after printing the logs' places and their last lines."""
        problem = f"{step}: {error if str(error) else repr(error)}"
        if self._stack is not None and not self.emulator.is_running():
            problem += " (MiniStack has ended by itself)"
        screen.heading(f"Failed at {problem}")
        lines = self._save_function_log()
        logs = [
            ("the function's log", self._function_log, lines),
            ("the emulator's log", self.emulator.log, None),
        ]
        for name, path, known in logs:
            if not path.exists():
                continue
            screen.line(f"  {name}: {path}")
            for line in (known or path.read_text(errors="replace").splitlines())[-LAST_LINES:]:
                screen.line(f"    {line[:LINE_WIDTH]}")
        return problem

    def close(self) -> None:
        """Ends all that was started."""
        try:
            if self._bridge is not None:
                self._bridge.close()
            self._save_function_log()
        finally:
            self.emulator.stop()

    def _config(self) -> dict[str, str]:
        """The values that `pulumi config` would contain."""
        arm = platform.machine() in ("aarch64", "arm64")
        return {
            "aws:region": REGION,
            "start-engines:image": "registry.example/engine:1",
            "start-engines:port": str(self.port),
            "start-engines:code": str(self._bundle.resolve()),
            "start-engines:architecture": "arm64" if arm else "x86_64",
            "start-engines:alarmEmail": "demo@example.com",
            "start-engines:buffered": json.dumps(self._buffered),
        }

    def _save_function_log(self) -> list[str]:
        """The function's log, which is in the emulator's memory, as a file too."""
        if self._stack is None:
            return []
        try:
            self.emulator.check()
            lines = FunctionLog(self.emulator.client("logs"), self._stack.log_group).lines()
        except Exception as error:
            lines = [f"this log was in the emulator, which does not answer: {error}"]
        self._function_log.write_text("".join(f"{line}\n" for line in lines))
        return lines
