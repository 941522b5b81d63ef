"""The faults that a playground can have, and the check of `make playground FAULT=...`.

    python3 tests/local/faults.py health-check

Only the standard library, since it is the first thing that `make playground` runs. Must not plant anything.
"""

from __future__ import annotations

import sys
from enum import Enum


class Fault(Enum):
    """What is wrong in a playground, by its name in `FAULT=`."""

    RULE_OFF = "rule-off"
    HEALTH_CHECK = "health-check"
    IMAGE = "image"

    @property
    def words(self) -> str:
        """What it is."""
        return {
            Fault.RULE_OFF: "the rule of state changes is off",
            Fault.HEALTH_CHECK: "the containers answer 404 where their health is checked",
            Fault.IMAGE: "the containers' image cannot be pulled",
        }[self]


class UnknownFault(ValueError):
    """Not the name of a fault."""


def fault(name: str) -> Fault | None:
    """The fault of this name; the empty one is that of none."""
    if not name:
        return None
    try:
        return Fault(name)
    except ValueError:
        known = "".join(f"\n  FAULT={each.value}: {each.words}" for each in Fault)
        raise UnknownFault(f'FAULT = "{name}": must be one of{known}') from None


if __name__ == "__main__":
    try:
        fault(sys.argv[1] if len(sys.argv) > 1 else "")
    except UnknownFault as error:
        sys.exit(f"playground: {error}")
