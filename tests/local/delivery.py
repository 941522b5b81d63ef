"""Delivers an event the way EventBridge would, where the emulator will not.

The event is matched by the emulator's TestEventPattern against the pattern of the rule as
deployed, and only if it matches, each Lambda target of the rule is invoked asynchronously,
and each SQS target gets it as a message. Must not decide by itself whether an event
matches, and must not know the function.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from deployed import Rule

# Maximum entries of one SendMessageBatch call.
MAX_MESSAGES_PER_SEND = 10


class Delivery:
    """EventBridge's last step, for one emulator. Used from one thread at a time.

    `windows` stand in for the batching windows of the event source mappings, which the
    emulator does not have: by the ARN of a queue, how many seconds old its first message is
    when they are sent together; without one they are sent at once. Whoever gives any must call
    `send_gathered` again and again.
    """

    def __init__(
        self, client: Callable[[str], Any], windows: Mapping[str, float] | None = None
    ) -> None:
        self._events = client("events")
        self._lambda = client("lambda")
        self._sqs = client("sqs")
        self._windows = windows or {}
        self._gathered: dict[str, list[str]] = {}
        self._since: dict[str, float] = {}

    def deliver(self, to: Rule, event: dict[str, Any]) -> bool:
        """Whether the rule matched the event. If so, its targets have it, or soon will."""
        try:
            rule = self._events.describe_rule(Name=to.name, EventBusName=to.bus)
        except self._events.exceptions.ResourceNotFoundException:
            # The rule was deleted: the event is lost, as on AWS.
            return False
        if rule["State"] != "ENABLED":
            return False
        text = json.dumps(event)
        # PutEvents cannot be used: it refuses sources that begin with `aws.`, here as on AWS.
        answer = self._events.test_event_pattern(EventPattern=rule["EventPattern"], Event=text)
        if not answer["Result"]:
            return False
        targets = self._events.list_targets_by_rule(Rule=to.name, EventBusName=to.bus)
        for target in targets["Targets"]:
            if ":lambda:" in target["Arn"]:
                self._lambda.invoke(
                    FunctionName=target["Arn"], InvocationType="Event", Payload=text
                )
            elif ":sqs:" in target["Arn"]:
                self._since.setdefault(target["Arn"], time.monotonic())
                self._gathered.setdefault(target["Arn"], []).append(text)
        self.send_gathered()
        return True

    def send_gathered(self) -> None:
        """Sends the collected events to each queue whose window is over."""
        now = time.monotonic()
        over = [arn for arn, since in self._since.items() if now - since >= self._windows.get(arn, 0)]
        for arn in over:
            del self._since[arn]
            self._send(arn, self._gathered.pop(arn))

    def _send(self, arn: str, texts: list[str]) -> None:
        url = self._sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[-1])["QueueUrl"]
        for first in range(0, len(texts), MAX_MESSAGES_PER_SEND):
            some = enumerate(texts[first : first + MAX_MESSAGES_PER_SEND])
            entries = [{"Id": str(n), "MessageBody": text} for n, text in some]
            answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
            if answer.get("Failed"):
                raise RuntimeError(f"SendMessageBatch: {answer['Failed']}")
