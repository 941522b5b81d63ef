"""The function's log, as CloudWatch Logs in the emulator has it.

Must not interpret the lines, beyond distinguishing the function's own from Lambda's.
"""

from __future__ import annotations

import json
from typing import Any


class FunctionLog:
    """Reads one log group."""

    def __init__(self, logs: Any, group: str) -> None:
        self._logs = logs
        self._group = group

    def lines(self) -> list[str]:
        """All lines, oldest first; none while the function has not run yet."""
        try:
            pages = self._logs.get_paginator("filter_log_events").paginate(logGroupName=self._group)
            events = [event for page in pages for event in page["events"]]
        except self._logs.exceptions.ResourceNotFoundException:
            return []
        return [
            event["message"].rstrip("\n") for event in sorted(events, key=lambda e: e["timestamp"])
        ]

    def handled(self) -> list[dict[str, Any]]:
        """The function's line of each event, oldest first."""
        parsed = (json.loads(line) for line in self.lines() if line.startswith("{"))
        return [line for line in parsed if line.get("message") == "event handled"]

    def finished(self) -> int:
        """How many invocations have ended, well or not."""
        return sum(line.startswith("END RequestId:") for line in self.lines())
