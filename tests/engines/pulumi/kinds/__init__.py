"""What the provider knows of each type of resource that the program uses, beside how to create it."""

from __future__ import annotations

from kinds import balancing, containers, function, identity, messaging, monitoring, network, routing
from kinds.kind import Kind

_MODULES = (balancing, containers, function, identity, messaging, monitoring, network, routing)
KINDS: dict[str, Kind] = {type: kind for module in _MODULES for type, kind in module.KINDS.items()}
