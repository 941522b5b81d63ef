"""Bounded waits on a condition.

Every wait of the demo has a deadline and a name, so that an error names what was awaited.
Must not be used to measure anything: how long a wait took is never a reason to fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

INTERVAL_SECONDS = 0.02


class DeadlineExceeded(Exception):
    """The condition did not come true in time."""


def until(
    what: str,
    probe: Callable[[], Found | None],
    seconds: float,
    alive: Callable[[], None] | None = None,
) -> Found:
    """Calls `probe` until it returns something true, and returns that.

    `alive` is called before each try and raises when waiting on is pointless, because a
    process that the condition depends on is gone, say. A `probe` that raises ends the wait.
    """
    deadline = time.monotonic() + seconds
    while True:
        if alive is not None:
            alive()
        found = probe()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise DeadlineExceeded(f"waited {seconds:g} s for {what}")
        time.sleep(INTERVAL_SECONDS)
