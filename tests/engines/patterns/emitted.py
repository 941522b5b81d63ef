"""The patterns that the component emits: those of the example's recorded run, and those for other arguments.

The recorded run is compared with the program by the tests of `pulumi/`. Must not contain a pattern.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bounded
from statement import OWN_SOURCES, is_request, is_state_change

PULUMI = Path(__file__).resolve().parents[3] / "pulumi"
# What the example's configuration gives: `allowedSources` and the cluster.
APPLICATION = "example.app"
CLUSTER = "arn:aws:ecs:us-east-1:111122223333:cluster/engines"
OTHER_APPLICATION = "app.tenants"
OTHER_CLUSTER = "arn:aws:ecs:us-east-1:111122223333:cluster/engines-2"
MADE = """
const { requestPattern, stateChangePattern } = require("./component/src/eventPatterns");
const { sources, clusters } = JSON.parse(process.argv[1]);
console.log(JSON.stringify([requestPattern(sources), stateChangePattern(clusters)]));
"""
SECONDS = 120.0


@dataclass(frozen=True)
class Emitted:
    """A pattern, what it is to let through, and the sources that applications have there."""

    name: str
    pattern: Any
    lets_through: Callable[[Any], bool]
    sources: tuple[str, ...]


def emitted() -> list[Emitted]:
    """All of them."""
    applications, clusters = (APPLICATION, OTHER_APPLICATION), (CLUSTER, OTHER_CLUSTER)
    requests, state_changes = _made(applications, clusters)
    return [
        _requests("requests", recorded("requests"), (APPLICATION,)),
        _state_changes("state changes", recorded("state-change"), (CLUSTER,)),
        _requests("requests of two applications", requests, applications),
        _state_changes("state changes in two clusters", state_changes, clusters),
    ]


def recorded(rule: str) -> Any:
    """The pattern of one of the example's rules, and there are no others."""
    registrations = json.loads(PULUMI.joinpath("tests/snapshots/up.json").read_text())
    patterns = {
        made["resource"]: made["inputs"]["eventPattern"]["json"]
        for made in registrations
        if "eventPattern" in made.get("inputs", {})
    }
    name = "aws:cloudwatch/eventRule:EventRule::start-engines-"
    if patterns.keys() != {f"{name}requests", f"{name}state-change"}:
        raise ValueError(f"the example has other rules than are judged here: {sorted(patterns)}")
    return patterns[f"{name}{rule}"]


def _made(applications: tuple[str, ...], clusters: tuple[str, ...]) -> tuple[Any, Any]:
    """What the component's functions make of these."""
    arguments = {"sources": [*applications, *sorted(OWN_SOURCES)], "clusters": clusters}
    command = ["node", "--import", "tsx", "--eval", MADE, json.dumps(arguments)]
    ended = bounded.run(command, SECONDS, PULUMI)
    if ended.returncode != 0:
        raise RuntimeError(f"the component's patterns could not be made: {ended.stderr.strip()}")
    requests, state_changes = json.loads(ended.stdout)
    return requests, state_changes


def _requests(name: str, pattern: Any, applications: tuple[str, ...]) -> Emitted:
    return Emitted(name, pattern, lambda event: is_request(event, applications), (*applications, *sorted(OWN_SOURCES)))


def _state_changes(name: str, pattern: Any, clusters: tuple[str, ...]) -> Emitted:
    return Emitted(name, pattern, lambda event: is_state_change(event, clusters), (APPLICATION,))
