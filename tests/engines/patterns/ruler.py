"""AWS's event-ruler: the matcher that EventBridge's patterns are written for, in a process of Java."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import bounded

PROGRAM = Path(__file__).resolve().parent / "Match.java"
# For one that hangs: it takes seconds.
SECONDS = 420.0


class RulerFailed(Exception):
    """The program ended with an error, or refuses a pattern."""


def matched(jars: Sequence[Path], jobs: Iterable[tuple[Mapping[str, Any], Sequence[Any]]]) -> list[list[set[str]]]:
    """For each job the names of its patterns that each of its events matches. All patterns must be valid."""
    jobs = list(jobs)
    lines = [
        line
        for patterns, events in jobs
        for line in ({"patterns": patterns}, *({"event": event} for event in events))
    ]
    ended = bounded.run(
        ["java", "-cp", os.pathsep.join(map(str, jars)), str(PROGRAM)],
        SECONDS,
        PROGRAM.parent,
        # JSON without line breaks, since a line is one of them.
        typed="".join(f"{json.dumps(line)}\n" for line in lines),
    )
    if ended.returncode != 0:
        raise RulerFailed(f"event-ruler ended with {ended.returncode}: {ended.stderr.strip()}")
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    if len(answers) != len(lines):
        raise RulerFailed(f"{len(answers)} answers to {len(lines)} lines: {ended.stderr.strip()}")
    results, rest = [], iter(answers)
    for _, events in jobs:
        invalid = next(rest)
        if invalid:
            raise RulerFailed(f"event-ruler takes these patterns for invalid: {invalid}")
        results.append([set(next(rest)) for _ in events])
    return results
