"""PutEvents with EventBridge's own way to a function: asynchronous, tried again, and kept if it fails. Local only.

The emulator hands an event to a rule's function once, and forgets it if that fails. Here it checks the entries and
gives them their ids, at a bus without a rule for them; then each event goes by the rules of the bus that it was sent
to, with `Delivery`, which invokes the function as EventBridge does. Must not decide by itself whether an event matches.
"""

from __future__ import annotations

import dataclasses
import json
import queue
import threading
from collections.abc import Callable
from typing import Any

from delivery import Delivery
from deployed import Rule
from events import sent_event
from stand_in import Answer, Call, PassOn

# A bus that every account has. It has the rule of state changes, and PutEvents refuses those.
CHECKED_AT = "default"
CLOSE_SECONDS = 10.0


class Entrance:
    """Answers PutEvents for one bus; what is sent to others is passed on.

    As on AWS the answer says that an event was taken, and it is delivered after that: were it delivered before, a
    delivery that fails, or takes longer than the sender waits, would have the SDK send the event once more, with
    another id. An error is in `failure`.
    """

    def __init__(
        self, client: Callable[[str], Any], bus: str, account: str, region: str
    ) -> None:
        self.failure: BaseException | None = None
        self._events = client("events")
        self._bus, self._account, self._region = bus, account, region
        self._delivery = Delivery(client)
        self._taken: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="entrance", daemon=True)

    def start(self) -> None:
        """Begins to deliver."""
        self._thread.start()

    def close(self) -> None:
        """Delivers what was taken, and ends, whether it has begun or not."""
        self._taken.put(None)
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def answer(self, call: Call, pass_on: PassOn) -> Answer:
        """PutEvents."""
        request = json.loads(call.body)
        entries: list[dict[str, Any]] = request.get("Entries", [])
        if any(entry.get("EventBusName", "").rsplit("/", 1)[-1] != self._bus for entry in entries):
            return pass_on(call)
        moved = [entry | {"EventBusName": CHECKED_AT} for entry in entries]
        body = json.dumps(request | {"Entries": moved}).encode()
        told = pass_on(dataclasses.replace(call, body=body))
        if told.status == 200:
            for entry, result in zip(entries, json.loads(told.body)["Entries"], strict=True):
                if "EventId" in result:
                    self._taken.put(sent_event(entry, result["EventId"], self._account, self._region))
        return told

    def _run(self) -> None:
        try:
            while (event := self._taken.get()) is not None:
                self._deliver(event)
        except Exception as error:
            self.failure = error

    def _deliver(self, event: dict[str, Any]) -> None:
        for rule in self._events.list_rules(EventBusName=self._bus)["Rules"]:
            if "EventPattern" in rule:
                self._delivery.deliver(Rule(rule["Name"], self._bus), event)
