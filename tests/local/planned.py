"""The checks that the function has planned for tasks that it has registered, brought forward.

Nobody waits for their time, minutes ahead: what the schedule would send is sent now. Must not make an event itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from health import Target

# Of a task's first check: docs/events.md, "Is it healthy?".
CHECK = "start-engines-check-"


@dataclass(frozen=True)
class Planned:
    """A one-time schedule: its name, and its time as in `2026-01-31T09:30:00`."""

    name: str
    at: str


class Planner:
    """The one-time schedules of one deployment, which are in the schedule group with the function's name."""

    def __init__(self, client: Callable[[str], Any], group: str) -> None:
        self._scheduler, self._lambda = client("scheduler"), client("lambda")
        self._group = group

    def bring_forward(self, name: str) -> Planned:
        """Sends the schedule's event to its target as Scheduler does at its time, and deletes the schedule.

        Scheduler invokes a function asynchronously:
        https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
        """
        made = self._scheduler.get_schedule(Name=name, GroupName=self._group)
        expression = made["ScheduleExpression"]
        if not (expression.startswith("at(") and made["State"] == "ENABLED"):
            raise RuntimeError(f"{name} is {made['State']}, with {expression}")
        target = made["Target"]
        # First, so that the event is sent once.
        self._scheduler.delete_schedule(Name=name, GroupName=self._group)
        self._lambda.invoke(
            FunctionName=target["Arn"], InvocationType="Event", Payload=target["Input"]
        )
        return Planned(name, expression.removeprefix("at(").removesuffix(")"))

    def bring_decided_forward(self, is_decided: Callable[[str, Target], bool]) -> list[Planned]:
        """Brings the first checks forward whose targets, each of a target group, are all decided; says which."""
        brought: list[Planned] = []
        for name in self._checks():
            try:
                made = self._scheduler.get_schedule(Name=name, GroupName=self._group)
                targets = checked(json.loads(made["Target"]["Input"]))
                if all(is_decided(group, target) for group, target in targets):
                    brought.append(self.bring_forward(name))
            except self._scheduler.exceptions.ResourceNotFoundException:
                # Its time has come meanwhile, and it was sent.
                continue
        return brought

    def _checks(self) -> list[str]:
        pages = self._scheduler.get_paginator("list_schedules")
        found = pages.paginate(GroupName=self._group, NamePrefix=CHECK)
        return [each["Name"] for page in found for each in page["Schedules"]]


def checked(event: dict[str, Any]) -> list[tuple[str, Target]]:
    """The targets that a `Check ECS Targets` event asks for, each with its target group."""
    targets = [target for task in event["detail"]["tasks"] for target in task["targets"]]
    return [(each["targetGroupArn"], (each["id"], each["port"])) for each in targets]
