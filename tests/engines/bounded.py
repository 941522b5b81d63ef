"""Runs a program for a bounded time. Of one that hangs, what it has said is shown, and nothing is left."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

LAST_LINES = 40


class Hung(Exception):
    """The program did not end in time; the message has its last lines."""


def run(
    words: Sequence[str],
    seconds: float,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    typed: str = "",
    is_merged: bool = False,
) -> subprocess.CompletedProcess[str]:
    """How it has ended, and its output; `is_merged` if what it writes to standard error is to be among it."""
    with subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if is_merged else subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(typed, seconds)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
            output, errors = process.communicate()
            said = "\n".join(f"{output}{errors or ''}".splitlines()[-LAST_LINES:])
            raise Hung(f"`{shlex.join(words)}` did not end within {seconds:g} s; it said:\n{said}") from None
        except BaseException:
            kill_group(process.pid)
            raise
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


def kill_group(pid: int) -> None:
    """Ends a process that was started in a session of its own, with all that is in it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
