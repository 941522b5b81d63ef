"""What every maker of a resource works with: the inputs it takes, and what it answers.

Must not call AWS, and must not know any type of resource.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# A client of one AWS service.
Clients = Callable[[str], Any]


class Inputs:
    """The inputs of one registration. Inputs that are not taken were not passed on to the emulator."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        # A maker takes them apart; the program's own stay whole.
        self._left = copy.deepcopy(dict(values))

    def take(self, name: str, default: Any = None) -> Any:
        """Returns the value, and marks it as passed on."""
        return self._left.pop(name, default)

    def left(self) -> set[str]:
        """The names of those that were not taken."""
        return set(self._left)


@dataclass(frozen=True)
class Made:
    """A resource in the emulator."""

    id: str
    # What the program reads of it, beside its inputs.
    outputs: dict[str, Any]
    # What was sent, in AWS's names, and what the emulator returns for it.
    sent: dict[str, Any]
    kept: Mapping[str, Any]
    # What was sent beside the inputs.
    added: frozenset[str] = frozenset()


Maker = Callable[[Clients, str, Inputs], Made]


def physical_name(name: str, given: Inputs) -> str:
    """The name that the inputs give, or one as Pulumi makes it."""
    return given.take("name") or f"{name}-{secrets.token_hex(4)[:7]}"


def pascal(value: Any) -> Any:
    """The same with keys as AWS spells them: `targetGroupArn` is `TargetGroupArn`."""
    if isinstance(value, Mapping):
        return {key[0].upper() + key[1:]: pascal(part) for key, part in value.items()}
    return [pascal(part) for part in value] if isinstance(value, list) else value


def given_only(**values: Any) -> dict[str, Any]:
    """Without the values that were not given."""
    return {name: value for name, value in values.items() if value is not None}


def pairs(values: Mapping[str, Any] | None, key: str = "Key") -> list[dict[str, Any]] | None:
    """A map as the list that AWS takes for tags, dimensions and attributes."""
    if values is None:
        return None
    return [{key: name, "Value": value} for name, value in values.items()]


def lost(sent: Any, kept: Any, path: str = "") -> set[str]:
    """The paths in `sent` whose values are not in `kept`, which may hold more.

    Of a list each element must be in the other, in whichever order.
    """
    sent, kept = _parsed(sent), _parsed(kept)
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        within = f"{path}." if path else ""
        return {
            each
            for key, value in sent.items()
            for each in lost(value, kept.get(key), f"{within}{key}")
        }
    if isinstance(sent, list) and isinstance(kept, list):
        return {
            each
            for part in sent
            for each in min((lost(part, other, path) for other in kept), key=len, default={path})
        }
    return set() if sent == kept else {path}


def _parsed(value: Any) -> Any:
    """JSON documents by content; numbers and booleans as AWS writes them in text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, (int, float)) else value
