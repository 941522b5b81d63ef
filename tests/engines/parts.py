"""Runs the part of each engine in a process of its own, for a bounded time; those of different lanes side by side.

The output goes to a file, which is shown if the part fails or hangs. Nothing of a part is left when it has ended: that is
the keeper's work. Must not know what a part does.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

KEEPER = Path(__file__).resolve().parent / "keeper.py"
# More than the keeper gives a part to end, before and after it is killed.
END_SECONDS = 60.0
LOOK_SECONDS = 0.05
LAST_LINES = 200


@dataclass(frozen=True)
class Part:
    """A script of one engine. The seconds are for one that hangs: many times what it takes."""

    name: str
    script: Path
    seconds: float
    # Seconds for its own tidying, once it is to end.
    grace: float = 20.0
    # Parts of the names of the tests that the script is to run; without any it runs all.
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ended:
    """How a part has ended; without a problem it has passed."""

    part: Part
    seconds: float
    problem: str | None


def run_all(lanes: Iterable[Sequence[Part]], logs: Path, root: Path, say: Callable[[str], None]) -> list[Ended]:
    """Runs the parts of each lane one after the other, each even if one before it failed."""
    logs.mkdir(parents=True, exist_ok=True)
    ended: list[Ended] = []
    running = [_lane(lane, logs, root, say, ended) for lane in lanes]
    try:
        while running:
            running = [lane for lane in running if next(lane, None) is not None]
            time.sleep(LOOK_SECONDS)
    finally:
        for lane in running:
            lane.close()
    return ended


def summary(ended: Iterable[Ended], seconds: float) -> list[str]:
    """A line for each part, and for all of them."""
    lines = [(one.part.name, one.problem or "passed", one.seconds) for one in ended]
    failed = sum(problem != "passed" for _, problem, _ in lines)
    total = ("all", f"{len(lines) - failed} passed, {failed} failed", seconds)
    return [f"{name:<10} {took:4.0f} s  {how}" for name, how, took in [*lines, total]]


def _lane(
    parts: Sequence[Part], logs: Path, root: Path, say: Callable[[str], None], ended: list[Ended]
) -> Generator[Part, None, None]:
    """Each step looks after the part that runs; to close it ends that part."""
    for part in parts:
        say(f"== {part.name}: {shlex.join([str(part.script.relative_to(root)), *part.only])}")
        log, begun = logs / f"{part.name}.log", time.monotonic()
        keeper = _start(part, log, root)
        try:
            while keeper.poll() is None:
                yield part
        finally:
            keeper.terminate()
            keeper.wait(END_SECONDS)
        lines = log.read_text(errors="replace").splitlines()
        # The keeper's own word.
        problem = lines[-1] if keeper.returncode else None
        ended.append(Ended(part, time.monotonic() - begun, problem))
        for line in _shown(ended[-1], lines, log):
            say(line)


def _start(part: Part, log: Path, root: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [*_python(KEEPER, str(part.seconds), str(part.grace)), *_python(part.script, *part.only)],
            cwd=root,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for this process, which ends the others.
            start_new_session=True,
        )


def _python(script: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(script), *arguments]


def _shown(result: Ended, lines: Sequence[str], log: Path) -> list[str]:
    if result.problem is None:
        return [f"   {result.part.name} passed in {result.seconds:.0f} s"]
    left_out = len(lines) - LAST_LINES
    return [
        *([f"   ({left_out} lines before these are in {log})"] if left_out > 0 else []),
        *(f"   {line}" for line in lines[-LAST_LINES:]),
        f"   {result.part.name} failed after {result.seconds:.0f} s; its output is in {log}",
    ]
