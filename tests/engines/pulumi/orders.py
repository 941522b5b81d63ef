"""What a test wants of a provider in the middle of an update, and what the provider has done.

The folder START_ENGINES_ORDERS has `orders.json`, a map from "METHOD TYPE NAME" to what to do at that call: `{"fail":
"words"}`, `{"hold": "before"}` or `{"hold": "after"}` the work. A held call notes so, and waits until its order is
withdrawn, or for ever. Each call that has ended is a line of `calls.jsonl`. Must not know AWS or Pulumi.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = "START_ENGINES_ORDERS"
INTERVAL_SECONDS = 0.02


class OrderedFailure(Exception):
    """The call was to fail."""


class Orders:
    """The orders in one folder, for the test and for the provider."""

    def __init__(self, folder: Path) -> None:
        self._orders, self._calls = folder / "orders.json", folder / "calls.jsonl"
        self._lock = threading.Lock()

    @staticmethod
    def from_environment() -> Orders:
        """Those of the test that has started the engine, and with it this provider."""
        return Orders(Path(os.environ[FOLDER]))

    def give(self, **orders: dict[str, str]) -> None:
        """Replaces all orders."""
        made = self._orders.with_suffix(".new")
        made.write_text(json.dumps(orders))
        made.replace(self._orders)

    def given(self, key: str) -> dict[str, str]:
        """The order of one call; empty if there is none."""
        orders = json.loads(self._orders.read_text()) if self._orders.exists() else {}
        found: dict[str, str] = orders.get(key, {})
        return found

    @contextlib.contextmanager
    def call(self, method: str, type: str, name: str) -> Iterator[None]:
        """Around the work of a call."""
        key = f"{method} {type} {name}"
        order = self.given(key)
        if "fail" in order:
            raise OrderedFailure(order["fail"])
        began = time.monotonic()
        self._hold(key, "before")
        yield
        self._hold(key, "after")
        self._note({"method": method, "type": type, "name": name, "began": began, "ended": time.monotonic()})

    def _hold(self, key: str, when: str) -> None:
        if self.given(key).get("hold") != when:
            return
        self._note({"held": key, "when": when, "process": os.getpid()})
        while self.given(key).get("hold") == when:
            time.sleep(INTERVAL_SECONDS)

    def _note(self, line: dict[str, Any]) -> None:
        with self._lock, self._calls.open("a") as calls:
            calls.write(json.dumps(line) + "\n")

    def noted(self) -> list[dict[str, Any]]:
        """What the provider has noted so far, oldest first."""
        if not self._calls.exists():
            return []
        return [json.loads(line) for line in self._calls.read_text().splitlines()]

    def holder(self, key: str) -> int | None:
        """The process that has held a call there, if one has."""
        return next((line["process"] for line in self.noted() if line.get("held") == key), None)

    def forget(self) -> None:
        """Deletes what was noted."""
        self._calls.unlink(missing_ok=True)
