"""What the provider knows about one type of resource, beside how to create it.

Creating is the demo's part (`tests/local/provider`). Must not know any type of resource.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from provider.resource import Clients, given_only

# The AWS provider's documents say of each argument whether its change "forces new resource"; which of them are sets its
# schemas say, in https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service.
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
    # Inputs whose order says nothing: `TypeSet` in the provider's schema. Paths, as in `ingress.securityGroups`.
    sets: frozenset[str] = frozenset()
    # Inputs that stay as they are where the program says nothing of them: `Optional` and `Computed` in the provider's schema.
    computed: frozenset[str] = frozenset()
    # Inputs that the provider compares by what their JSON says. Of a policy it knows more that means the same, such as
    # statements in another order, which is a change here.
    documents: frozenset[str] = frozenset()

    @property
    def source(self) -> str:
        """Where `replaces` comes from."""
        return DOCUMENTS + self.document

    def is_same(self, input: str, one: Any, other: Any) -> bool:
        """Whether two values of this input mean the same."""
        return self._meaning(input, one) == self._meaning(input, other)

    def _meaning(self, input: str, value: Any) -> str:
        return json.dumps(self._plain(input, value), sort_keys=True)

    def _plain(self, path: str, value: Any) -> Any:
        if isinstance(value, str) and path in self.documents:
            # In a preview it may not be known yet.
            with contextlib.suppress(ValueError):
                return json.loads(value)
        if isinstance(value, Mapping):
            return {key: self._plain(f"{path}.{key}", part) for key, part in value.items()}
        if isinstance(value, list):
            parts = [self._plain(path, part) for part in value]
            return sorted(parts, key=functools.partial(json.dumps, sort_keys=True)) if path in self.sets else parts
        # AWS answers with 1.0 where the program has written 1.
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Gone(Exception):
    """The emulator answers with nothing where AWS answers with an error: that there is no such resource."""


def only(found: list[Any]) -> Any:
    """The one that was asked for by its id."""
    if not found:
        raise Gone
    return found[0]


def is_gone(error: Exception) -> bool:
    """Whether AWS answers that there is no such resource."""
    has_code = isinstance(error, ClientError) and bool(GONE.search(error.response["Error"]["Code"]))
    return has_code or isinstance(error, Gone)


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


__all__ = ["Clients", "Kind", "State", "Update", "camel", "given_only", "is_gone", "mapping", "only", "within"]
