"""The demo: the packed function, started by real events, against a local AWS.

    .venv/bin/python tests/local/demo.py --zip target/lambda/start-engines-lambda/bootstrap.zip

Starts MiniStack, lets the Pulumi program deploy the example stack on it, runs the timeline
and ends all that it started; with `--buffered`, the stack has queues before the function,
and dozens of tasks go through it. Exit code 0 means that every step was seen. This module
owns processes, signals and the exit code; what happens in between is in `timeline.py` and
`load.py`. Must not leave a process behind.
"""

from __future__ import annotations

import argparse
import atexit
import functools
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import wait
from bridge import Bridge
from command import Command
from deployed import Stack, read
from deployment import deploy
from engine import usable_port
from function_log import FunctionLog
from gaps import BUFFERED_GAPS, GAPS
from interfaces import EcsWithInterfaces
from load import Load
from ministack import REGION, MiniStack
from provider import Provider
from provider.deviations import DEVIATIONS
from screen import Screen
from steps import Steps, group_name
from timeline import Timeline

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "target" / "local"
PREFERRED_PORT = 8080
KEPT = "kept running"
LAST_LINES, LINE_WIDTH = 15, 400
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal to end the demo."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Demo:
    """One run, from the emulator's start to its end."""

    def __init__(self, bundle: Path, keep: bool, buffered: bool) -> None:
        self.screen = Screen()
        self._bundle, self._keep, self._buffered = bundle, keep, buffered
        self._emulator = MiniStack(LOGS / "ministack.log")
        # A second fence: should anything go wrong in `run`, this still ends the emulator.
        atexit.register(self._emulator.stop)
        self._function_log = LOGS / "function.log"
        self._step = "preparation"
        self._stack: Stack | None = None
        self._bridge: Bridge | None = None
        self._ecs: EcsWithInterfaces | None = None
        self._timeline: Steps | None = None

    def run(self) -> int:
        """The exit code."""
        problem: str | None = None
        code = 0
        try:
            problem = self._attempt(self._show)
            if self._keep and self._bridge is not None:
                problem = self._attempt(self._stay) or problem
            code = 0 if problem is None else 1
        except Interrupted as interrupted:
            if self._step == KEPT:
                code = 0 if problem is None else 1
            else:
                problem = problem or f"{self._where()}: interrupted"
                code = 128 + interrupted.number
        finally:
            self._close()
        self.screen.verdict(problem)
        return code

    def _attempt(self, part: Callable[[], None]) -> str | None:
        """The error and its step, after printing the details; none if all went well."""
        try:
            part()
        except BrokenPipeError:
            # Nobody reads any more: no explanation can be given either.
            raise
        except Exception as error:
            problem = f"{self._where()}: {error if str(error) else repr(error)}"
            if self._stack is not None and not self._emulator.is_running():
                problem += " (MiniStack has ended by itself)"
            self._explain(problem)
            return problem
        return None

    def _show(self) -> None:
        screen, emulator = self.screen, self._emulator
        title = "tasks that attach themselves" if self._buffered else "a task that attaches itself"
        screen.line(
            screen.paint("1", f"start-engines: {title} to a load balancer")
        )
        screen.line("the packed function and the Pulumi program, against a local AWS; no account")
        for old in (self._emulator.log, self._function_log):
            old.unlink(missing_ok=True)
        if sys.platform != "linux":
            raise RuntimeError(
                "the function is a Linux program and runs as a process here: use Linux"
            )
        if not self._bundle.is_file():
            raise RuntimeError(f"{self._bundle} is missing: build the function first")

        self._step = "the emulator's start"
        emulator.start()
        self._step = "deployment"
        port = usable_port(PREFERRED_PORT)
        provider = Provider(functools.cache(emulator.client))
        outputs = deploy(provider, self._config(port))
        self._stack = stack = read(outputs, provider)
        size = self._bundle.stat().st_size / 1e6
        screen.heading("The stack: what pulumi/example/index.ts registers, created in the emulator")
        screen.facts(
            (
                ("emulator", f"MiniStack {emulator.version}, {emulator.endpoint}, {stack.region}"),
                ("resources", f"{len(provider.resources)}, each read back after it was created"),
                ("function", f"{stack.function}, {size:.1f} MB zip, provided.al2023"),
                ("start rule", f"{stack.start_rule.name} on the bus {stack.start_rule.bus}"),
                ("state rule", f"{stack.state_rule.name} on the bus {stack.state_rule.bus}"),
                ("target groups", ", ".join(map(group_name, stack.target_groups))),
                ("load balancer", f"{stack.load_balancer_dns}, {stack.path}"),
                (
                    "bridge",
                    "watches the emulator's tasks, serves HTTP on 127.0.0.x for each and sends",
                ),
                ("", "the ECS events that the emulator does not"),
                *self._queue_facts(),
            )
        )
        if port != PREFERRED_PORT:
            screen.facts((("port", f"{PREFERRED_PORT} is taken, so the containers use {port}"),))

        self._step = "bridge"
        changes = stack.buffers.state_changes if stack.buffers else None
        windows = {changes.queue_arn: changes.window_seconds} if changes else None
        bridge = Bridge(
            emulator.client, stack.cluster, stack.state_rule, stack.subnet, port, windows
        )
        bridge.start()
        self._bridge = bridge
        if self._buffered:
            command = Command(outputs, LOGS, emulator.endpoint, emulator.endpoint)
            self._timeline = Load(screen, emulator, stack, bridge, command)
        else:
            self._ecs = EcsWithInterfaces(emulator.port, bridge.tasks)
            self._ecs.start()
            command = Command(outputs, LOGS, emulator.endpoint, self._ecs.endpoint)
            self._timeline = Timeline(screen, emulator, stack, bridge, command)
        self._timeline.run()

        screen.heading("Where the stack differs from what the program registered")
        screen.points(f"{type}: {path}: {why}." for (type, path), why in DEVIATIONS.items())
        screen.heading("What this demo does not prove")
        screen.points(BUFFERED_GAPS if self._buffered else GAPS)

    def _queue_facts(self) -> tuple[tuple[str, str], ...]:
        buffers = self._stack.buffers if self._stack else None
        if buffers is None:
            return ()
        facts = []
        for name, buffer in (("requests", buffers.requests), ("changes", buffers.state_changes)):
            batches = (
                f"a queue; batches of up to {buffer.batch_size}, gathered for "
                f"{buffer.window_seconds} s, {buffer.concurrency} at a time;"
            )
            again = (
                f"what fails comes again after {buffer.visibility_seconds} s, "
                f"{buffer.max_receives} receives in all"
            )
            facts += [(name, batches), ("", again)]
        return tuple(facts)

    def _config(self, port: int) -> dict[str, str]:
        """The values that `pulumi config` would contain."""
        arm = platform.machine() in ("aarch64", "arm64")
        return {
            "aws:region": REGION,
            "start-engines:image": "registry.example/engine:1",
            "start-engines:port": str(port),
            "start-engines:code": str(self._bundle.resolve()),
            "start-engines:architecture": "arm64" if arm else "x86_64",
            "start-engines:alarmEmail": "demo@example.com",
            "start-engines:buffered": json.dumps(self._buffered),
        }

    def _where(self) -> str:
        return self._timeline.step if self._timeline and self._step != KEPT else self._step

    def _explain(self, problem: str) -> None:
        """Prints the logs' places, and their last lines."""
        self.screen.heading(f"Failed at {problem}")
        lines = self._save_function_log()
        logs = [
            ("the function's log", self._function_log, lines),
            ("the emulator's log", self._emulator.log, None),
        ]
        for name, path, known in logs:
            if not path.exists():
                continue
            self.screen.line(f"  {name}: {path}")
            for line in (known or path.read_text(errors="replace").splitlines())[-LAST_LINES:]:
                self.screen.line(f"    {line[:LINE_WIDTH]}")

    def _save_function_log(self) -> list[str]:
        """The function's log, which is in the emulator's memory, as a file too."""
        if self._stack is None:
            return []
        try:
            self._emulator.check()
            lines = FunctionLog(self._emulator.client("logs"), self._stack.log_group).lines()
        except Exception as error:
            lines = [f"this log was in the emulator, which does not answer: {error}"]
        self._function_log.write_text("".join(f"{line}\n" for line in lines))
        return lines

    def _stay(self) -> None:
        """Keeps everything running until a signal comes."""
        stack, bridge, screen = self._stack, self._bridge, self.screen
        assert stack is not None and bridge is not None
        self._step = KEPT
        screen.heading("Kept running; Ctrl-C ends it. To talk to it:")
        for name, value in (
            ("AWS_ENDPOINT_URL", self._emulator.endpoint),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ):
            screen.line(f"  export {name}={value}")
        start = {
            "EventBusName": stack.start_rule.bus,
            "Source": stack.source,
            "DetailType": "Start ECS Task",
            "Detail": '{"service": "billing"}',
        }
        screen.line(f"  aws events put-events --entries '{json.dumps([start])}'")
        screen.line(f"  aws ecs list-tasks --cluster {stack.cluster}")
        for group in stack.target_groups:
            screen.line(f"  aws elbv2 describe-target-health --target-group-arn {group}")
        host = f"-H 'Host: {stack.load_balancer_dns}'"
        screen.line(f"  curl {host} {self._emulator.endpoint}/billing/")
        screen.line(f"  aws ecs stop-task --cluster {stack.cluster} --task TASK")
        screen.line(f"  aws logs filter-log-events --log-group-name {stack.log_group}")
        shown = {watched.arn: watched.delivered[-1:] for watched in bridge.tasks()}
        while True:
            self._emulator.check()
            if bridge.failure is not None:
                raise bridge.failure
            for watched in bridge.tasks():
                latest = watched.delivered[-1:]
                if latest and latest != shown.get(watched.arn):
                    shown[watched.arn] = latest
                    where = f"{watched.engine.address}:{watched.engine.port}"
                    screen.line(f"  task {watched.id} on {where}: {latest[0]}")
            time.sleep(wait.INTERVAL_SECONDS)

    def _close(self) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        try:
            if self._ecs is not None:
                self._ecs.close()
            if self._bridge is not None:
                self._bridge.close()
            self._save_function_log()
        finally:
            self._emulator.stop()


def interrupt(number: int, _frame: object) -> None:
    """Once: what follows is the clean-up, which is short and not to be interrupted."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def main() -> int:
    """Reads the arguments and runs the demo."""
    parser = argparse.ArgumentParser(description="Runs the packed function against a local AWS.")
    default = ROOT / "target" / "lambda" / "start-engines-lambda" / "bootstrap.zip"
    parser.add_argument(
        "--zip", type=Path, default=default, help="the function's bundle (default: %(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    parser.add_argument(
        "--buffered", action="store_true", help="queues before the function, and dozens of tasks"
    )
    arguments = parser.parse_args()
    # The SDK must not read the caller's profiles, regions or endpoints.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    for number in SIGNALS:
        signal.signal(number, interrupt)
    try:
        return Demo(arguments.zip, arguments.keep, arguments.buffered).run()
    except BrokenPipeError:
        # Python flushes standard output once more at its end; there is nobody to read it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
