"""What the two rules are to let through, said once more and without a pattern.

This is the answer that the matchers are compared with, so it must use no matcher, no pattern and no value that the
component computes: what it knows is from docs/events.md, from ECS's guide "Amazon ECS task state change events", and,
for values that are lists or missing, from EventBridge's guide "Creating event patterns": a list matches if one of its
values does; an object, an empty list and a missing field have no value.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

REQUESTS = {"Start ECS Task", "Stop ECS Task", "Reconcile ECS Targets"}
# Of the example's component, whose function is start-engines, beside the applications that its arguments name. Another
# deployment on the same bus has others.
OWN_SOURCES = {"start-engines.operator.start-engines", "start-engines.schedules.start-engines"}


def is_request(event: Any, applications: Collection[str]) -> bool:
    """A start, a stop or a reconcile, from an application that is named, an operator or a schedule."""
    sources = OWN_SOURCES | set(applications)
    return bool(sources & _texts(event, "source")) and bool(REQUESTS & _texts(event, "detail-type"))


def is_state_change(event: Any, clusters: Collection[str]) -> bool:
    """ECS's event about a task of start-engines in one of the clusters: it runs, or it is to stop.

    Left out is DEPROVISIONING after a requested stop, which adds nothing: an event with the first sign of the stop came
    before, and one with STOPPED comes after it.
    """
    if "aws.ecs" not in _texts(event, "source") or "ECS Task State Change" not in _texts(event, "detail-type"):
        return False
    if not any(text.startswith("start-engines/") for text in _texts(event, "detail", "startedBy")):
        return False
    if not set(clusters) & _texts(event, "detail", "clusterArn"):
        return False
    last, desired = _values(event, "detail", "lastStatus"), _values(event, "detail", "desiredStatus")
    if "RUNNING" in last and "RUNNING" in desired:
        return True
    tells_only = all(status == "DEPROVISIONING" for status in last)
    codes = _values(event, "detail", "stopCode")
    was_requested = bool(codes) and all(code == "UserInitiated" for code in codes)
    return "STOPPED" in desired and not (tells_only and was_requested)


def _texts(event: Any, *path: str) -> set[str]:
    return {value for value in _values(event, *path) if isinstance(value, str)}


def _values(event: Any, *path: str) -> list[Any]:
    """The values at a path that are no objects: several if there are lists on the way."""
    found = [event]
    for name in path:
        found = [one[name] for one in _flat(found) if isinstance(one, dict) and name in one]
    return [value for value in _flat(found) if not isinstance(value, dict)]


def _flat(values: list[Any]) -> list[Any]:
    """The values, with each list replaced by what is in it."""
    return [inner for value in values for inner in (_flat(value) if isinstance(value, list) else [value])]
