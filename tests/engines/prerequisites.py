"""What `make test-engines` needs beside the prerequisites of `make test`: Go, a JDK and Maven.

    python3 tests/engines/prerequisites.py

Names everything that is missing or too old at once, with the way to get it. Exit code 0 or 2. Needs nothing but Python,
and must not install or download anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ENGINES = Path(__file__).resolve().parent
ANSWER_SECONDS = 60.0
GO, JAVA, MAVEN = (1, 26), (17,), (3, 6, 3)
GET_JAVA = "apt-get install openjdk-17-jdk-headless, or https://adoptium.net"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Version = tuple[int, ...]


@dataclass(frozen=True)
class Tool:
    """A program, how it tells its version, the oldest that does, and how to get it."""

    name: str
    command: tuple[str, ...]
    version: re.Pattern[str]
    oldest: Version
    how: str


def needed(folder: Path = ENGINES) -> list[Tool]:
    """The tools. Go must be as new as the newest that a `go.mod` below the folder asks for."""
    return [
        Tool(
            "Go",
            ("go", "version"),
            re.compile(r"go version go(\d+(?:\.\d+)*)"),
            max([GO, *_asked_for(folder)]),
            "https://go.dev/doc/install",
        ),
        # Both, since a runtime alone does not do, and either may be of another version than the other.
        Tool("Java (a JDK)", ("javac", "-version"), re.compile(r"javac (\d+(?:\.\d+)*)"), JAVA, GET_JAVA),
        Tool("Java", ("java", "-version"), re.compile(r'version "(\d+(?:\.\d+)*)'), JAVA, GET_JAVA),
        Tool(
            "Maven",
            ("mvn", "--version"),
            re.compile(r"Apache Maven (\d+(?:\.\d+)*)"),
            MAVEN,
            "apt-get install maven, or https://maven.apache.org/install.html",
        ),
    ]


def problems(tools: Iterable[Tool], environment: Mapping[str, str] = os.environ) -> list[str]:
    """What is wrong with these tools; nothing if all will do."""
    return [problem for tool in tools if (problem := _problem(tool, environment)) is not None]


def _problem(tool: Tool, environment: Mapping[str, str]) -> str | None:
    wanted = f"{tool.name} {_text(tool.oldest)} or newer is needed"
    shown = " ".join(tool.command)
    try:
        # Go must not download another version of itself.
        told = subprocess.run(
            tool.command,
            env={**environment, "GOTOOLCHAIN": "local"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{wanted}: `{shown}` did not answer within {ANSWER_SECONDS:g} s. {tool.how}"
    except FileNotFoundError:
        return f"{wanted}: there is no {tool.command[0]} in PATH. {tool.how}"
    except OSError as error:
        return f"{wanted}: `{shown}` cannot be run: {error.strerror}. {tool.how}"
    output = COLOURS.sub("", told.stdout).strip()
    found = tool.version.search(output)
    if told.returncode != 0 or found is None:
        said = output.splitlines()[0] if output else "nothing"
        return f"{wanted}: `{shown}` ended with {told.returncode} and said: {said}. {tool.how}"
    version = _numbers(found[1])
    if version < tool.oldest:
        return f"{wanted}: `{shown}` is {found[1]}. {tool.how}"
    return None


def _asked_for(folder: Path) -> list[Version]:
    """The `go` lines of all modules below the folder."""
    texts = (module.read_text() for module in sorted(folder.glob("**/go.mod")))
    lines = (re.search(r"^go (\d+(?:\.\d+)*)$", text, re.MULTILINE) for text in texts)
    return [_numbers(line[1]) for line in lines if line is not None]


def _numbers(text: str) -> Version:
    return tuple(map(int, text.split(".")))


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def main() -> int:
    """Prints what is missing."""
    found = problems(needed())
    for problem in found:
        print(f"test-engines: {problem}", file=sys.stderr)
    if found:
        print("test-engines: `make test` and `make demo` need none of these.", file=sys.stderr)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
