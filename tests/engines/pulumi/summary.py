"""What Pulumi's command prints with `--json`. Must not run it."""

from __future__ import annotations

import json


def changes(said: str) -> dict[str, int]:
    """The summary: how many resources were changed in which way. A preview prints one object, an update a line for each event."""
    try:
        whole = json.loads(said)
    except json.JSONDecodeError:
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        whole = next(line["summaryEvent"] for line in lines if "summaryEvent" in line)
        return {op: count for op, count in whole["resourceChanges"].items()}
    return {op: count for op, count in whole["changeSummary"].items()}
