"""The operator's command, as a person would run it on the deployed stack.

It knows the deployment by the stack's own outputs, and nothing else. Must not read its results.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

from ministack import REGION

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("START_ENGINES", ROOT / "target" / "debug" / "start-engines"))
SECONDS = 120.0


class CommandFailed(Exception):
    """The command ended with an unexpected exit status."""


class Command:
    """Runs `start-engines` with the variables of the stack's output."""

    def __init__(
        self, outputs: dict[str, Any], folder: Path, endpoint: str, ecs_endpoint: str
    ) -> None:
        if not BINARY.is_file():
            raise CommandFailed(f"{BINARY} is missing: cargo build --bin start-engines")
        catalog = folder / "services.json"
        catalog.write_text(outputs["catalog"])
        self.variables = exported(outputs["commandEnvironment"])
        self._environment = self.variables | {
            "PATH": os.environ.get("PATH", ""),
            "SERVICES_FILE": str(catalog),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ENDPOINT_URL_ECS": ecs_endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def run(self, *arguments: str, status: int = 0) -> str:
        """Standard output; it must end with this exit status."""
        ended, output = self.attempt(*arguments)
        if ended != status:
            line = shlex.join(["start-engines", *arguments])
            raise CommandFailed(f"{line} ended with {ended}, not {status}: {output}")
        return output

    def attempt(self, *arguments: str) -> tuple[int, str]:
        """Exit status and standard output; also standard error if the status is 1, 2 or 4."""
        ended = subprocess.run(
            [str(BINARY), *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        output = ended.stdout
        if ended.returncode not in (0, 3):
            output = f"{ended.stdout}{ended.stderr}".strip()
        return ended.returncode, output


def exported(lines: str) -> dict[str, str]:
    """What a shell would make of lines of `export NAME='value'`."""
    words = (shlex.split(line) for line in lines.splitlines())
    pairs = (word.partition("=") for export, word in words if export == "export")
    return {name: value for name, _, value in pairs}
