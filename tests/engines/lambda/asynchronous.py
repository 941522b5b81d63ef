"""Lambda's asynchronous invocation in front of the emulator, which has none.

As the guide "How Lambda handles errors and retries with asynchronous invocation" has it: the function is invoked with
each event, up to two times more with the same request id if that fails, and then the event goes to the on-failure
destination. The delays are short here. It is the `lambda` client of the demo's delivery, and must not look into events
or results.
"""

from __future__ import annotations

import json
import queue
import threading
import uuid
from dataclasses import dataclass
from typing import Any

from emulator import Ending, Emulator, Shown

RETRY_SECONDS = 0.1


@dataclass(frozen=True)
class Attempt:
    """One invocation."""

    event: dict[str, Any]
    request_id: str
    shown: Shown


class Asynchronous:
    """Invokes one function, one event after the other. `start` and `close` come in pairs."""

    def __init__(self, emulator: Emulator, function_arn: str, retries: int) -> None:
        self.failure: BaseException | None = None
        self.attempts: list[Attempt] = []
        # What failed at the last attempt too.
        self.on_failure: list[Attempt] = []
        self._emulator, self._arn, self._retries = emulator, function_arn, retries
        self._events: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="asynchronous", daemon=True)

    def start(self) -> None:
        """Begins to invoke."""
        self._thread.start()

    def close(self) -> None:
        """Ends after the events that are there."""
        self._events.put(None)
        self._thread.join()

    def invoke(self, FunctionName: str, InvocationType: str, Payload: str) -> None:
        """As the client of Lambda has it."""
        if (FunctionName, InvocationType) != (self._arn, "Event"):
            raise ValueError(f"there is no function to invoke as {InvocationType} by the name {FunctionName}")
        self._events.put(Payload)

    def _run(self) -> None:
        try:
            while (payload := self._events.get()) is not None:
                self._try(payload, str(uuid.uuid4()))
        except Exception as error:
            self.failure = error

    def _try(self, payload: str, request_id: str) -> None:
        pause = threading.Event()
        for number in range(1 + self._retries):
            if number:
                pause.wait(RETRY_SECONDS)
            shown = self._emulator.invoke_raw(payload.encode(), request_id)
            attempt = Attempt(json.loads(payload), request_id, shown)
            self.attempts.append(attempt)
            if shown.ending is Ending.SUCCESS:
                return
        self.on_failure.append(attempt)
