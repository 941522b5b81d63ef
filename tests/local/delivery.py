"""Delivers an event the way EventBridge would, where the emulator will not.

The event is matched by the emulator's TestEventPattern against the pattern of the rule as
deployed, and only if it matches, each Lambda target of the rule is invoked asynchronously.
Must not decide by itself whether an event matches, and must not know the function.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from deployed import Rule


class Delivery:
    """EventBridge's last step, for one emulator. Used from one thread at a time."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._events = client("events")
        self._lambda = client("lambda")

    def deliver(self, to: Rule, event: dict[str, Any]) -> bool:
        """Whether the rule let the event through. If so, its targets have been invoked."""
        try:
            rule = self._events.describe_rule(Name=to.name, EventBusName=to.bus)
        except self._events.exceptions.ResourceNotFoundException:
            # A rule that somebody has deleted: the event is lost, as on AWS.
            return False
        if rule["State"] != "ENABLED":
            return False
        text = json.dumps(event)
        # PutEvents is not the way: it refuses sources that begin with `aws.`, here as on AWS.
        answer = self._events.test_event_pattern(EventPattern=rule["EventPattern"], Event=text)
        if not answer["Result"]:
            return False
        targets = self._events.list_targets_by_rule(Rule=to.name, EventBusName=to.bus)
        for target in targets["Targets"]:
            if ":lambda:" in target["Arn"]:
                self._lambda.invoke(
                    FunctionName=target["Arn"], InvocationType="Event", Payload=text
                )
        return True
