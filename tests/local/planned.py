"""The check that the function has planned for a task it has registered, brought forward.

Nobody waits for its time, minutes ahead: what the schedule would send is sent now. Must not make an event itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
