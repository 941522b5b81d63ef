"""An operator who looks at the stack that the engine has made: `doctor` and `trace`, with the stack's own outputs.

What AWS tells of it and the emulator does not, the playground's stand-ins tell here too, but for the health of targets.
Must not change anything, and must not know what is expected.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge import Watched
from command import Command
from ministack import MiniStack
from stand_in import StandIn
from told import answerers

NOT_WELL = 3


@dataclass(frozen=True, order=True)
class Finding:
    """One finding of `doctor`, without its repair."""

    about: str
    check: str
    level: str
    message: str


class Looking:
    """The command on one stack. `close` it."""

    def __init__(
        self,
        outputs: dict[str, Any],
        folder: Path,
        layers: Path,
        emulator: MiniStack,
        tasks: Callable[[], Iterable[Watched]],
    ) -> None:
        """`layers` is where the engine's provider has unpacked the layers of functions."""
        region = outputs["functionArn"].split(":")[3]
        told = answerers(emulator.client, region, outputs["functionName"], tasks, layers)
        self._stand_in = StandIn(lambda: emulator.port, told)
        self._stand_in.start()
        aws = self._stand_in.endpoint
        self._command = Command(outputs, folder, aws, aws)

    def close(self) -> None:
        """Ends the server."""
        self._stand_in.close()

    def doctor(self) -> tuple[int, list[Finding]]:
        """The exit status, and all findings."""
        status, output = self._run("doctor")
        found = json.loads(output)["findings"]
        return status, [Finding(each["about"], each["check"], each["level"], each["message"]) for each in found]

    def trace(self, id: str) -> tuple[int, dict[str, Any]]:
        """The exit status, and the story."""
        status, output = self._run("trace", id)
        story: dict[str, Any] = json.loads(output)
        return status, story

    def _run(self, *arguments: str) -> tuple[int, str]:
        status, output = self._command.attempt(*arguments, "--output", "json")
        if status not in (0, NOT_WELL):
            raise AssertionError(f"{arguments} ended with {status}: {output}")
        return status, output
