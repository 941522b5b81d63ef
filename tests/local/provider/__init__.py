"""A provider for the Pulumi program: it creates each registered resource in the emulator.

What it sends is checked by the SDK against AWS's own models, and read back afterwards: what
was not passed on, what the emulator did not keep, and what was added are deviations, each
of which must be in the table. Must not change the program's values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from provider import (
    balancing,
    containers,
    function,
    identity,
    layers,
    messaging,
    monitoring,
    network,
    routing,
)
from provider.deviations import Deviation
from provider.resource import Clients, Inputs, Maker, lost

_MODULES = (
    balancing,
    containers,
    function,
    identity,
    layers,
    messaging,
    monitoring,
    network,
    routing,
)
MAKERS: dict[str, Maker] = {
    type: maker for module in _MODULES for type, maker in module.MAKERS.items()
}
FUNCTIONS = network.FUNCTIONS | identity.FUNCTIONS


@dataclass(frozen=True)
class Resource:
    """A registration and what came of it."""

    type: str
    name: str
    id: str
    # Inputs and outputs.
    state: dict[str, Any]


@dataclass
class Provider:
    """Creates resources with these clients, and notes every deviation."""

    clients: Clients
    resources: list[Resource] = field(default_factory=list)
    deviations: set[Deviation] = field(default_factory=set)

    def create(self, type: str, name: str, inputs: dict[str, Any]) -> Resource:
        """The resource, as the emulator has it now."""
        if type not in MAKERS:
            raise ValueError(f"{name}: nobody makes a {type} in the emulator")
        given = Inputs(inputs)
        made = MAKERS[type](self.clients, name, given)
        paths = given.left() | lost(made.sent, made.kept) | made.added
        self.deviations |= {(type, path) for path in paths}
        resource = Resource(type, name, made.id, inputs | made.outputs)
        self.resources.append(resource)
        return resource

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The answer of a function such as `getAvailabilityZones`."""
        if token not in FUNCTIONS:
            raise ValueError(f"nobody answers {token} for the emulator")
        return FUNCTIONS[token](self.clients, arguments)
