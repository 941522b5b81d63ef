"""The demo's output: a timeline, in colours if they are on.

Must not know what the steps are.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Iterable

BOLD, DIM, GREEN, RED = "1", "2", "32", "31"
WIDTH = 96


class Screen:
    """Writes to standard output. The clock of the timeline starts with `zero`."""

    def __init__(self) -> None:
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._colour = wanted and sys.stdout.isatty()
        self._begun = time.monotonic()
        self._zero = self._begun

    def paint(self, code: str, text: str) -> str:
        """The text in a colour, or unchanged if colours are off."""
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def line(self, text: str = "") -> None:
        """A plain line, shown at once."""
        print(text, flush=True)

    def heading(self, text: str) -> None:
        """The beginning of a part."""
        self.line()
        self.line(self.paint(BOLD, text))

    def zero(self) -> None:
        """Milliseconds count from here."""
        self._zero = time.monotonic()

    def mark(self, name: str, text: str, at: float | None = None) -> None:
        """A line of the timeline: what was observed now, or at the moment given."""
        moment = time.monotonic() if at is None else at
        stamp = f"{(moment - self._zero) * 1000:7.0f} ms"
        body = textwrap.wrap(text, WIDTH - 34) or [""]
        self.line(f"{self.paint(DIM, stamp)}  {self.paint(GREEN, f'{name:<20}')}  {body[0]}")
        for more in body[1:]:
            self.line(f"{'':34}{more}")

    def note(self, text: str) -> None:
        """An explanation within the timeline."""
        for part in textwrap.wrap(text, WIDTH - 34, break_on_hyphens=False):
            self.line(f"{'':34}{self.paint(DIM, part)}")

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Names and values."""
        for name, value in facts:
            self.line(f"  {name:<16}{value}")

    def points(self, points: Iterable[str]) -> None:
        """A list."""
        for point in points:
            self.line(textwrap.fill(point, WIDTH, initial_indent="  - ", subsequent_indent="    "))

    def verdict(self, problem: str | None) -> None:
        """The last line."""
        self.line()
        if problem is None:
            seconds = time.monotonic() - self._begun
            self.line(f"demo: {self.paint(GREEN, 'OK')} in {seconds:.1f} s")
        else:
            self.line(f"demo: {self.paint(RED, 'FAILED')} at {problem}")
