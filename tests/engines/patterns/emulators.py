"""The matchers of the emulators, by which the demo and the tests go.

MiniStack's is what answers TestEventPattern, asked without the server between. moto's own TestEventPattern is not made:
asked is what its rules match events with.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ministack.services import eventbridge
from moto.events.models import EventPattern


def of_ministack(pattern: Any, events: Sequence[Any]) -> list[bool]:
    """What TestEventPattern answers for each event."""
    text = json.dumps(pattern)
    answers = []
    for event in events:
        status, _, body = eventbridge._test_event_pattern({"EventPattern": text, "Event": json.dumps(event)})
        if status != 200:
            raise RuntimeError(f"TestEventPattern answered {status} to {event}: {body!r}")
        answers.append(bool(json.loads(body)["Result"]))
    return answers


def of_moto(pattern: Any, events: Sequence[Any]) -> list[bool]:
    """Whether a rule of moto with this pattern matches each event."""
    loaded = EventPattern.load(json.dumps(pattern))
    return [loaded.matches_event(event) for event in events]


MATCHERS = {"MiniStack": of_ministack, "moto": of_moto}
