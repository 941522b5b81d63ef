"""Gets the engines' modules into `.tools/engines`, each at a pinned version with its checksum.

Go compares every module with `go.sum`; the jars are compared with `jars.sha256` here. Only the version of Maven's plugin
that copies the jars is pinned: what it brings is compared, it itself is not. What cannot be had is an error that says so,
with the words of Go or Maven. Must not use a module or jar that the checksums do not cover.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import bounded

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "engines"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_SECONDS = 420.0
LAST_LINES = 12


class Unavailable(Exception):
    """A module could not be had, or is not the one that is pinned."""


def go_settings(tools: Path = TOOLS) -> dict[str, str]:
    """What Go must be told so that all that it has goes below `tools`, and all of it is pinned."""
    return {
        "GOBIN": str(tools / "bin"),
        "GOMODCACHE": str(tools / "go" / "modules"),
        "GOCACHE": str(tools / "go" / "cache"),
        # Neither another Go, nor another version of a module. The caches can be deleted like other files.
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false -trimpath",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def go_tools(module: Path, tools: Path = TOOLS, environment: Mapping[str, str] = os.environ) -> Path:
    """Builds the `tool`s of a module's `go.mod`; the folder that they are in."""
    what = f"the modules of {_name(module / 'go.mod')}"
    fetch(["go", "install", "tool"], module, dict(environment) | go_settings(tools), what)
    return tools / "bin"


def jars(folder: Path, tools: Path = TOOLS, environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The jars of a folder's `pom.xml`, exactly those of its `jars.sha256`."""
    sums = _sums(folder / "jars.sha256")
    target = tools / "jars" / folder.name
    if _problems(target, sums):
        shutil.rmtree(target, ignore_errors=True)
        settings = [f"-Dmaven.repo.local={tools / 'maven'}", f"-DoutputDirectory={target}", "-DincludeScope=runtime"]
        quiet = ["--batch-mode", "--quiet", "-Dstyle.color=never"]
        command = ["mvn", *quiet, "--file", str(folder / "pom.xml"), *settings, COPY]
        fetch(command, folder, dict(environment), f"the jars of {_name(folder / 'pom.xml')}")
    found = _problems(target, sums)
    if found:
        raise Unavailable("; ".join(found))
    return sorted(target / name for name in sums)


def fetch(
    command: list[str], folder: Path, environment: Mapping[str, str], what: str, seconds: float | None = None
) -> None:
    """Runs a command that brings something; `Unavailable` has its words if it fails."""
    try:
        ended = bounded.run(command, seconds or FETCH_SECONDS, folder, environment, is_merged=True)
    except bounded.Hung as hung:
        raise Unavailable(f"{what} could not be had: {hung}") from hung
    if ended.returncode != 0:
        lines = [line for line in ended.stdout.strip().splitlines() if not line.startswith("go: downloading ")]
        # Maven explains itself at length after the first lines.
        said = "\n".join(f"  {line}" for line in lines[:LAST_LINES])
        raise Unavailable(
            f"{what} could not be had, which the first run needs the network for, or could not be built.\n"
            f"  `{command[0]}` ended with {ended.returncode} and said:\n{said}"
        )


def _sums(path: Path) -> dict[str, str]:
    """What `sha256sum` has written: the checksum of each file."""
    lines = (re.fullmatch(r"([0-9a-f]{64})  ([^/ ]+)", line) for line in path.read_text().splitlines())
    return {line[2]: line[1] for line in lines if line is not None}


def _problems(folder: Path, sums: Mapping[str, str]) -> list[str]:
    """Files that are missing, that are not the pinned ones, or that nothing pins."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    problems = [f"{name} was not among the jars that Maven brought" for name in sorted(sums.keys() - there)]
    problems += [f"{name} has no checksum in jars.sha256" for name in sorted(there - sums.keys())]
    for name in sorted(there & sums.keys()):
        found = hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest()
        if found != sums[name]:
            problems.append(f"{name} has the checksum {found}, and not {sums[name]} of jars.sha256")
    return problems


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
