"""Runs the part of each engine in a process of its own, for a bounded time.

The output goes to a file, which is shown if the part fails or hangs. Nothing of a part is left when it has ended: all
that it started is in its process group, or is ended by the part itself. Must not know what a part does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

# Time to end its own engines, before they are killed.
GRACE_SECONDS = 20.0
GONE_SECONDS = 10.0
LAST_LINES = 200


@dataclass(frozen=True)
class Part:
    """A script of one engine. The seconds are for one that hangs: many times what it takes."""

    name: str
    script: Path
    seconds: float


@dataclass(frozen=True)
class Ended:
    """How a part has ended; without a problem it has passed."""

    part: Part
    seconds: float
    problem: str | None


def run_all(parts: Iterable[Part], logs: Path, root: Path, say: Callable[[str], None]) -> list[Ended]:
    """Runs one after the other, each even if one before it failed."""
    ended = []
    for part in parts:
        say(f"== {part.name}: {part.script.relative_to(root)}")
        result = run(part, logs / f"{part.name}.log", root)
        ended.append(result)
        for line in _shown(result, logs / f"{part.name}.log"):
            say(line)
    return ended


def run(part: Part, log: Path, root: Path) -> Ended:
    """Runs one part to its end, or ends it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(part.script)],
            cwd=root,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            problem = _wait(process, part.seconds)
        finally:
            left = _end_group(process)
    if problem is None and left:
        problem = "FAILED: left processes behind"
    return Ended(part, time.monotonic() - begun, problem)


def summary(ended: Iterable[Ended]) -> list[str]:
    """A line for each part."""
    return [
        f"{result.part.name:<10} {'passed' if result.problem is None else result.problem}, {result.seconds:.0f} s"
        for result in ended
    ]


def _wait(process: subprocess.Popen[bytes], seconds: float) -> str | None:
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"FAILED: has not ended within {seconds:g} s"
    return None if code == 0 else f"FAILED: ended with {code}"


def _end_group(process: subprocess.Popen[bytes]) -> bool:
    """Ends all of the group; whether anything was left of it after the part's own end."""
    left = process.poll() is not None and _signal(process.pid, 0)
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GONE_SECONDS)):
        if not _signal(process.pid, number):
            break
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and _signal(process.pid, 0):
            # Reaped, so that it does not count as one of the group.
            process.poll()
            time.sleep(0.02)
    return left


def _signal(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
        return True
    return False


def _shown(result: Ended, log: Path) -> list[str]:
    if result.problem is None:
        return [f"   passed in {result.seconds:.0f} s"]
    lines = log.read_text(errors="replace").splitlines()
    left_out = len(lines) - LAST_LINES
    return [
        *([f"   ({left_out} lines before these are in {log})"] if left_out > 0 else []),
        *(f"   {line}" for line in lines[-LAST_LINES:]),
        f"   {result.problem}; its output is in {log}",
    ]
