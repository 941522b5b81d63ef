"""What the provider knows about one type of resource, beside how to create it.

Creating is the demo's part (`tests/local/provider`). Must not know any type of resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from provider.resource import Clients, given_only

# The AWS provider's documents say of each argument whether its change "forces new resource".
DOCUMENTS = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
# How AWS's services say that there is no such resource.
GONE = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist|NotExist")

State = dict[str, Any]
# What a function that updates gets: the state before, with the id, and the new inputs.
Update = Callable[[Clients, str, State, State], None]


@dataclass(frozen=True)
class Kind:
    """One type. The id, and the state with inputs and outputs, are Pulumi's."""

    # The page in DOCUMENTS that `replaces` comes from.
    document: str
    # Inputs of which no change can be made in place.
    replaces: frozenset[str]
    # The inputs as AWS has them now, all that the state has; nothing if the resource does not exist.
    read: Callable[[Clients, str, State], State | None]
    delete: Callable[[Clients, str, State], None]
    # Nothing if every input is in `replaces`.
    update: Update | None = None
    # Whether Pulumi's provider makes a name for it where the program gives none, as the input `name`.
    is_named: bool = True

    @property
    def source(self) -> str:
        """Where `replaces` comes from."""
        return DOCUMENTS + self.document


def is_gone(error: Exception) -> bool:
    """Whether AWS answers that there is no such resource."""
    return isinstance(error, ClientError) and bool(GONE.search(error.response["Error"]["Code"]))


def camel(value: Any) -> Any:
    """AWS's keys as the program spells them: `TargetGroupArn` is `targetGroupArn`."""
    if isinstance(value, Mapping):
        return {key[0].lower() + key[1:]: camel(part) for key, part in value.items()}
    return [camel(part) for part in value] if isinstance(value, list) else value


def mapping(values: list[dict[str, Any]] | None, key: str = "Key") -> dict[str, Any] | None:
    """The list that AWS has for tags, dimensions and attributes, as a map; nothing if it is empty."""
    return {each[key]: each["Value"] for each in values} if values else None


def within(expected: Any, kept: Any) -> Any:
    """What AWS keeps, without the defaults that it adds to objects."""
    if isinstance(expected, Mapping) and isinstance(kept, Mapping):
        return {key: within(value, kept.get(key)) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(kept, list) and len(expected) == len(kept):
        return [within(one, other) for one, other in zip(expected, kept, strict=True)]
    return kept


def is_same(one: Any, other: Any) -> bool:
    """Whether two inputs mean the same: JSON documents by content, lists in any order, as the provider does it."""
    return bool(_canonical(one) == _canonical(other))


def _canonical(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return _canonical(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, Mapping):
        return {key: _canonical(part) for key, part in value.items()}
    if isinstance(value, list):
        return sorted((_canonical(part) for part in value), key=lambda part: json.dumps(part, sort_keys=True))
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


__all__ = ["Clients", "Kind", "State", "Update", "camel", "given_only", "is_gone", "is_same", "mapping", "within"]
