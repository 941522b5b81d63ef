"""The demo: the packed function, started by real events, against a local AWS.

    .venv/bin/python tests/local/demo.py --zip target/lambda/start-engines-lambda/bootstrap.zip

Starts MiniStack, lets the Pulumi program deploy the example stack on it, runs the timeline
and ends all that it started; with `--buffered`, the stack has queues before the function,
and dozens of tasks go through it. Exit code 0 means that every step was seen. This module
prints what was deployed and how it ended; the stack is started in `running.py`, and what
happens in between is in `timeline.py` and `load.py`. Must not leave a process behind.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import signals
from bridge import Containers
from command import Command
from gaps import BUFFERED_GAPS, GAPS
from health import DEFAULT_PATH
from load import Load
from provider.deviations import DEVIATIONS
from running import BUNDLE, LOGS, PREFERRED_PORT, Running
from screen import Screen
from signals import Interrupted
from steps import Steps, group_name
from timeline import FASTER_CHECKS, Timeline
from told import Told


class Demo:
    """One run, from the emulator's start to its end."""

    def __init__(self, bundle: Path, buffered: bool) -> None:
        self.screen = Screen()
        self._running = Running(bundle, LOGS, buffered)
        self._bundle, self._buffered = bundle, buffered
        # The function's and the command's AWS; in buffered mode that is the emulator alone.
        self._told: Told | None = None if buffered else Told(self._running, FASTER_CHECKS)
        self._timeline: Steps | None = None

    def run(self) -> int:
        """The exit code."""
        problem: str | None = None
        code = 0
        try:
            try:
                self._show()
            except BrokenPipeError:
                # Nobody reads any more: no explanation can be given either.
                raise
            except Exception as error:
                code, problem = 1, self._where()
                problem = self._running.explain(self.screen, error, problem)
        except Interrupted as interrupted:
            problem = problem or f"{self._where()}: interrupted"
            code = 128 + interrupted.number
        finally:
            self._close()
        self.screen.verdict(problem)
        return code

    def _show(self) -> None:
        screen, running = self.screen, self._running
        title = "tasks that attach themselves" if self._buffered else "a task that attaches itself"
        screen.line(screen.paint("1", f"start-engines: {title} to a load balancer"))
        screen.line("the packed function and the Pulumi program, against a local AWS; no account")
        if self._told is not None:
            self._told.start()
        running.start()
        running.deploy(self._told.endpoint if self._told is not None else None)
        emulator, stack, provider = running.emulator, running.stack, running.provider
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
                *self._listener_facts(),
            )
        )
        if running.port != PREFERRED_PORT:
            taken = f"{PREFERRED_PORT} is taken, so the containers use {running.port}"
            screen.facts((("port", taken),))

        if self._told is None:
            running.watch()
            command = Command(running.outputs, LOGS, emulator.endpoint, emulator.endpoint)
            self._timeline = Load(screen, emulator, stack, running.bridge, command)
        else:
            self._told.tell()
            running.watch(Containers(frozenset({DEFAULT_PATH}), stack.unsound_container))
            aws = self._told.endpoint
            command = Command(running.outputs, LOGS, aws, aws)
            self._timeline = Timeline(screen, emulator, stack, running.bridge, command, self._told)
        self._timeline.run()

        screen.heading("Where the stack differs from what the program registered")
        screen.points(f"{type}: {path}: {why}." for (type, path), why in DEVIATIONS.items())
        screen.heading("What this demo does not prove")
        screen.points(BUFFERED_GAPS if self._buffered else GAPS)

    def _queue_facts(self) -> tuple[tuple[str, str], ...]:
        buffers = self._running.stack.buffers
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

    def _listener_facts(self) -> tuple[tuple[str, str], ...]:
        if self._buffered:
            return ()
        return (("listener", "a queue with the outcome events, by a rule that the demo adds to the bus"),)

    def _where(self) -> str:
        return self._timeline.step if self._timeline else self._running.step

    def _close(self) -> None:
        signals.ignore()
        try:
            if self._told is not None:
                self._told.close()
        finally:
            self._running.close()


def main() -> int:
    """Reads the arguments and runs the demo."""
    parser = argparse.ArgumentParser(description="Runs the packed function against a local AWS.")
    parser.add_argument(
        "--zip", type=Path, default=BUNDLE, help="the function's bundle (default: %(default)s)"
    )
    parser.add_argument(
        "--buffered", action="store_true", help="queues before the function, and dozens of tasks"
    )
    arguments = parser.parse_args()
    return signals.run(Demo(arguments.zip, arguments.buffered).run)


if __name__ == "__main__":
    sys.exit(main())
