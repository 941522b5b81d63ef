"""Where an emulator's matcher differs from event-ruler on the patterns that the component emits, and why it may.

None of these events is one that ECS or an application sends: no field of theirs that a pattern names is an object or a
list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """All changes that `change` matches, in which the emulator has this answer and event-ruler the other."""

    emulator: str
    change: re.Pattern[str]
    matches: bool
    reason: str


DIFFERENCES = (
    Difference(
        "moto",
        re.compile(r"detail\.lastStatus = (\{|\[\{).*"),
        True,
        "`anything-but` takes an object for a value that is another one; EventBridge's operators see only values, and "
        "an object is none",
    ),
    Difference(
        "moto",
        re.compile(r".* = \[\[.*"),
        False,
        "moto does not look into a list that is in a list; EventBridge takes all values that are in lists, however "
        "deep",
    ),
    Difference(
        "moto",
        re.compile(r"detail\.(lastStatus|stopCode) = \[\[.*"),
        True,
        "the same: `anything-but` takes the inner list for a value that is another one",
    ),
    Difference(
        "moto",
        re.compile(r"detail\.stopCode = \[\]"),
        False,
        "for `exists` an empty list is a value; to EventBridge a field with an empty list has none",
    ),
)
