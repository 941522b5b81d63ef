"""What the demo and the playground do as processes: signals, the SDK's environment, a closed output.

Must not know what runs.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def ignore() -> None:
    """From now on no signal interrupts: for the clean-up, which is short."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def run(program: Callable[[], int]) -> int:
    """The program's exit code. A signal raises `Interrupted` in it, once."""
    # The SDK must not read the caller's profiles, regions or endpoints.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return program()
    except BrokenPipeError:
        # Python flushes standard output once more at its end; there is nobody to read it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _interrupt(number: int, _frame: object) -> None:
    ignore()
    raise Interrupted(number)
