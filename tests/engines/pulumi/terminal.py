"""Runs a command on a terminal of its own, and types what a person would. Bounded; must not know the command."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

from bounded import kill_group

# Colours, cursor movements and the like.
_CONTROL = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07]*\x07|[()][A-B0-2]|[=>78])|\r")


class TerminalHung(Exception):
    """The command did not end in time."""


def on_terminal(
    words: list[str], folder: Path, environment: dict[str, str], answers: list[tuple[str, str]], seconds: float
) -> tuple[int, str]:
    """Exit status and what was shown. Each answer is typed once, when what is new on the screen asks for it."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=environment | {"TERM": "xterm", "COLUMNS": "120", "LINES": "50"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown, waiting, deadline = b"", list(answers), time.monotonic() + seconds
    seen = 0
    try:
        while time.monotonic() < deadline:
            ready, _, _ = select.select([leader], [], [], 0.2)
            if ready:
                try:
                    chunk = os.read(leader, 65536)
                except OSError:
                    # All who had the terminal open have ended.
                    chunk = b""
                if not chunk:
                    return process.wait(timeout=30), _text(shown)
                shown += chunk
            asked = next((each for each in waiting if re.search(each[0], _text(shown[seen:]))), None)
            if asked is not None:
                seen = len(shown)
                waiting.remove(asked)
                os.write(leader, asked[1].encode())
        raise TerminalHung(f"{words} did not end within {seconds:g} s; it showed:\n{_text(shown)}")
    finally:
        kill_group(process.pid)
        process.wait()
        os.close(leader)


def _text(shown: bytes) -> str:
    return _CONTROL.sub("", shown.decode(errors="replace"))
