"""The events that each pattern is judged by: every fixture, and each changed in each field that the pattern names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "fixtures" / "events"

Path_ = tuple[str, ...]

# ECS Developer Guide, "Amazon ECS task lifecycle"; ECS API Reference, "Task" (desiredStatus, stopCode), and the word
# that older events of Spot have.
STATUSES = (
    *("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"),
    "DELETED",
)
STOP_CODES = (
    *("TaskFailedToStart", "EssentialContainerExited", "UserInitiated", "ServiceSchedulerInitiated"),
    *("SpotInterruption", "TerminationNotice"),
)
# Values that a field has in other events, and values that are nearly right.
OTHERS: dict[str, tuple[Any, ...]] = {
    "source": ("aws.ec2", "aws.ecs.task", "app.tenants", "example.app", "start-engines", "start-engines.operator", "start-engines.operator.others"),
    "detail-type": (
        *("ECS Container Instance State Change", "Start ECS Task", "Stop ECS Task", "Reconcile ECS Targets"),
        "ECS Task State Change",
    ),
    "startedBy": ("ecs-svc/1234567890123456789", "start-engines", "start-engines/", "own-start-engines/auth/1/8080"),
    "clusterArn": (
        "arn:aws:ecs:us-east-1:111122223333:cluster/others",
        "arn:aws:ecs:us-east-1:111122223333:cluster/engines-2",
        "arn:aws:ecs:eu-west-1:111122223333:cluster/engines",
        "arn:aws:ecs:us-east-1:444455556666:cluster/engines",
        "engines",
    ),
    "lastStatus": STATUSES,
    "desiredStatus": STATUSES,
    "stopCode": STOP_CODES,
}
ABSENT = object()


@dataclass(frozen=True)
class Case:
    """An event, and what was done to a fixture to make it."""

    fixture: str
    change: str
    event: Any

    def __str__(self) -> str:
        return f"{self.fixture}, {self.change}"


def fixtures() -> dict[str, Any]:
    """Every fixture by its name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))}


def named(pattern: Any, under: Path_ = ()) -> set[Path_]:
    """The path of each field that a pattern names, and of `detail` if it names one in there."""
    if isinstance(pattern, list):
        return {under}
    found = {under} if under else set()
    for name, inner in pattern.items():
        alternatives = inner if name == "$or" else [inner]
        for alternative in alternatives:
            found |= named(alternative, under if name == "$or" else (*under, name))
    return found


def cases(pattern: Any, sources: tuple[str, ...]) -> Iterator[Case]:
    """Every fixture as it is, from each of these sources if an application sent it, and each with one field changed."""
    fields = sorted(named(pattern))
    for name, event in fixtures().items():
        yield Case(name, "as it is", event)
        if event["source"] != "aws.ecs":
            for source in sources:
                yield Case(name, f"from {source}", event | {"source": source})
            event = event | {"source": sources[0]}
        for field in fields:
            for value in _changes(event, field, pattern):
                yield Case(name, f"{'.'.join(field)} = {_shown(value)}", changed(event, field, value))


def statuses(event: Any) -> Iterator[Case]:
    """One event with every combination of statuses and stop code."""
    for last in (*STATUSES, ABSENT):
        for desired in (*STATUSES, ABSENT):
            for code in (*STOP_CODES, ABSENT):
                one = changed(event, ("detail", "lastStatus"), last)
                one = changed(one, ("detail", "desiredStatus"), desired)
                one = changed(one, ("detail", "stopCode"), code)
                yield Case("one event", f"{_shown(last)}/{_shown(desired)}, stopCode {_shown(code)}", one)


def changed(event: Any, field: Path_, value: Any) -> Any:
    """The event with this value of a field, which is made or removed if need be; the event itself stays as it is."""
    if not field:
        return value
    name, inner = field[0], changed(event.get(field[0], {}), field[1:], value)
    rest = {key: kept for key, kept in event.items() if key != name}
    return rest if inner is ABSENT else rest | {name: inner}


def _changes(event: Any, field: Path_, pattern: Any) -> list[Any]:
    """What a field is changed to: other values, nearly the right ones, other types, lists of them, and nothing."""
    names = _texts_of(pattern, field)
    texts = sorted(names | {*OTHERS.get(field[-1], ())})
    current = _at(event, field)
    near = [variant for text in names for variant in _near(text)]
    if isinstance(current, str):
        near += _near(current)
    first = current if isinstance(current, str) else "something"
    lists: list[Any] = [["something", text] for text in texts]
    lists += [[text, None] for text in texts]
    lists += [[[first]], [{"name": first}], [], [None], ["something"], [7]]
    others: list[Any] = [ABSENT, None, "", "null", 0, 7, 1.5, True, False, {}, {"name": first}]
    values = [*texts, *sorted(set(near)), *lists, *others]
    return [value for value in values if value is ABSENT or type(value) is not type(current) or value != current]


def _near(text: str) -> list[str]:
    """Texts that are not quite this one, though a careless matcher may take them for it."""
    return [text.lower(), text.upper(), f"{text} ", f" {text}", f"{text}x", text[:-1], f"x{text}"]


def _at(event: Any, field: Path_) -> Any:
    for name in field:
        event = event.get(name, ABSENT) if isinstance(event, dict) else ABSENT
    return event


def _texts_of(pattern: Any, field: Path_) -> set[str]:
    """The texts that a pattern has for a field."""
    if not field:
        return _all_texts(pattern)
    found: set[str] = set()
    for name, inner in pattern.items():
        if name == "$or":
            found |= {text for alternative in inner for text in _texts_of(alternative, field)}
        elif name == field[0] and (len(field) == 1) == isinstance(inner, list):
            found |= _texts_of(inner, field[1:])
    return found


def _all_texts(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for one in inner for text in _all_texts(one)}


def _shown(value: Any) -> str:
    return "absent" if value is ABSENT else json.dumps(value)
