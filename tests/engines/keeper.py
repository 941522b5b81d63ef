"""Runs one program for a bounded time, and leaves nothing of it: `keeper.py SECONDS GRACE PROGRAM [ARGUMENT...]`.

All that the program has started, directly or not and in whatever process group, is a descendant of this process, which
the kernel gives it back when its own parent has ended (`man 2 PR_SET_CHILD_SUBREAPER`). If the one that has started this
process is gone, the program is ended too. It has GRACE seconds to end its own engines before it is killed. The last line
of the output says what was wrong; the exit code is 0 or 1.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

# <linux/prctl.h>
PR_SET_CHILD_SUBREAPER = 36
GONE_SECONDS = 10.0
LOOK_SECONDS = 0.05
SHOWN_CHARACTERS = 200


def main() -> int:
    """Prints a problem, if there is one."""
    # First of all: whoever has started this may end at any time.
    parent = os.getppid()
    seconds, grace, command = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupted)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    problem: str | None = "FAILED: was interrupted"
    try:
        problem = _wait(process, seconds, parent)
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        left = _end_all(process, grace)
        if problem is None and left:
            problem = f"FAILED: left processes behind: {'; '.join(left)}"
        if problem is not None:
            print(problem, flush=True)
    return 0 if problem is None else 1


def _interrupted(_number: int, _frame: object) -> NoReturn:
    sys.exit(1)


def _wait(process: subprocess.Popen[bytes], seconds: float, parent: int) -> str | None:
    """What was wrong with its end."""
    deadline = time.monotonic() + seconds
    while (code := process.poll()) is None:
        if time.monotonic() >= deadline:
            return f"FAILED: has not ended within {seconds:g} s"
        if os.getppid() != parent:
            return "FAILED: nobody waits for it any more"
        _reap(process)
        time.sleep(LOOK_SECONDS)
    return None if code == 0 else f"FAILED: ended with {code}"


def _end_all(process: subprocess.Popen[bytes], grace: float) -> list[str]:
    """Ends the program and all that it has started; what was left of that after the program's own end."""
    had_ended = process.poll() is not None
    if not had_ended:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        process.kill()
        process.wait()
    left = [_command(pid) for pid in _reap(process)] if had_ended else []
    deadline = time.monotonic() + GONE_SECONDS
    # The children of one that is killed are the next ones of this process.
    while (running := _reap(process)) and time.monotonic() < deadline:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK_SECONDS)
    return left


def _reap(process: subprocess.Popen[bytes]) -> list[int]:
    """The children other than the program itself that have not ended."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    children = {int(pid) for task in tasks for pid in task.read_text().split()} - {process.pid}
    return [pid for pid in sorted(children) if os.waitpid(pid, os.WNOHANG) == (0, 0)]


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").split()
        return " ".join(words)[:SHOWN_CHARACTERS]
    return f"process {pid}"


if __name__ == "__main__":
    sys.exit(main())
