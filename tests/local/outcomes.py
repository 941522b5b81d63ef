"""Outcome events, as an application receives them: by a rule of its own, in a queue of its own.

Must not know what they say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

# docs/outcome-events.md
SOURCE = "start-engines"
NAME = "outcomes-of-the-demo"
MAX_MESSAGES = 10


class Outcomes:
    """The outcome events of one bus, from `listen` on."""

    def __init__(self, client: Callable[[str], Any], bus: str) -> None:
        self._events, self._sqs, self._bus = client("events"), client("sqs"), bus
        self._url = ""
        self._received: list[dict[str, Any]] = []

    def listen(self) -> None:
        """Creates the queue, and the rule that fills it."""
        self._url = self._sqs.create_queue(QueueName=NAME)["QueueUrl"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        of_bus = {"EventBusName": self._bus}
        self._events.put_rule(Name=NAME, EventPattern=json.dumps({"source": [SOURCE]}), **of_bus)
        target = {"Id": "queue", "Arn": answer["Attributes"]["QueueArn"]}
        failed = self._events.put_targets(Rule=NAME, Targets=[target], **of_bus)
        if failed["FailedEntryCount"]:
            raise RuntimeError(f"PutTargets: {failed['FailedEntries']}")

    def find(self, task_arn: str, detail_types: tuple[str, ...]) -> dict[str, Any] | None:
        """The first event of a task that has one of these detail types and has come by now."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=MAX_MESSAGES)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            self._received.append(json.loads(message["Body"]))
        found = (
            event
            for event in self._received
            if event["detail-type"] in detail_types and event["detail"]["taskArn"] == task_arn
        )
        return next(found, None)
