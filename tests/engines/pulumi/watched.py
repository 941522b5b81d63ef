"""Asks the same again and again while something else is done, and keeps each answer that is another than the one before.

Must not know what is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

PERIOD_SECONDS = 0.05
END_SECONDS = 30.0


class Watched:
    """While the block runs. `answers` has the first answer, and each that differed from the one before it."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self.answers: list[Any] = [ask()]
        self._failure: BaseException | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watched", daemon=True)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join(END_SECONDS)
        if error is None:
            # What it is in the end, however fast that was.
            self._look()
            if self._failure is not None:
                raise self._failure

    def _watch(self) -> None:
        try:
            while not self._ending.wait(PERIOD_SECONDS):
                self._look()
        except BaseException as failure:
            self._failure = failure

    def _look(self) -> None:
        answer = self._ask()
        if answer != self.answers[-1]:
            self.answers.append(answer)
