"""Builds Pulumi's engine and its host of YAML programs, and installs its plugins below `.tools/engines/pulumi`.

All from pinned modules with checksums. Nothing is done twice: each part is made anew only when what it is made of has
changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import modules

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TOOLS = modules.TOOLS / "pulumi"
BIN = TOOLS / "bin"
VENV = TOOLS / "venv"
VERSION = "v3.248.0"


@dataclass(frozen=True)
class Program:
    """A program that is built of a Go module; the folder here pins it."""

    name: str
    what: str
    folder: str
    command: str
    version: str
    # Where the program has its version from: without it, it has none.
    version_variable: str
    takes: str


PROGRAMS = (
    # Without a version, `make deploy` says that it is too old.
    Program(
        "pulumi",
        f"Pulumi's engine {VERSION}",
        "engine",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        VERSION,
        "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
        "about seven CPU minutes the first time",
    ),
    # After the engine, so that what both are made of is compiled once.
    Program(
        "pulumi-language-yaml",
        "Pulumi's host of YAML programs v1.25.0",
        "yaml",
        "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
        "v1.25.0",
        "github.com/pulumi/pulumi-yaml/pkg/version.Version",
        "about one CPU minute the first time",
    ),
)
# The engine warns of a provider that it finds on PATH; this folder is not on it.
PLUGINS = TOOLS / "plugins"
PROVIDER = "pulumi-resource-aws"
# That of `@pulumi/aws` in pulumi/example/package.json, which asks for a provider of its own version.
AWS_VERSION = "v7.48.0"
SCRIPTS = {PLUGINS / PROVIDER: "aws_plugin.py", BIN / "pulumi-language-nodejs": "language_plugin.py"}
# Five CPU minutes on two cores that others may use, and less than all of this part gets; then it hangs.
SECONDS = 1500.0


def install() -> None:
    """Everything that the tests need beside `make package command component venv`; once, whoever else asks for it."""
    for folder in (TOOLS, BIN):
        folder.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        # Given back when the file is closed.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for program in PROGRAMS:
            _build(program)
        _venv()
        _scripts()


def _scripts() -> None:
    for script, module in SCRIPTS.items():
        path = os.pathsep.join(map(str, (HERE, HERE.parent, ROOT / "tests" / "local")))
        words = shlex.join([str(VENV / "bin" / "python"), str(HERE / module)])
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {words} "$@"\n')
        script.chmod(0o755)


def _build(program: Program) -> None:
    """Builds a program of a pinned module; all of them share what is downloaded and compiled."""
    source, stamp = HERE / program.folder, TOOLS / f"{program.folder}.stamp"
    key = _digest(source / "go.mod", source / "go.sum") + program.version
    if (BIN / program.name).exists() and stamp.exists() and stamp.read_text() == key:
        return
    print(f"== building {program.what}: {program.takes}", flush=True)
    flags = f"-s -w -X {program.version_variable}={program.version}"
    build = ["go", "build", "-ldflags", flags, "-o", str(BIN / program.name), program.command]
    settings = os.environ | modules.go_settings(TOOLS.parent)
    modules.fetch(build, source, settings, program.what, SECONDS)
    stamp.write_text(key)


def _venv() -> None:
    requirements, stamp = HERE / "requirements.txt", TOOLS / "venv.stamp"
    # Its programs name the folder that they were installed into.
    key = f"{_digest(requirements)} {sys.version} {VENV}"
    if stamp.exists() and stamp.read_text() == key:
        return
    print("== installing what Pulumi's plugins need", flush=True)
    what = f"what {requirements.relative_to(ROOT)} names"
    modules.fetch([sys.executable, "-m", "venv", "--clear", str(VENV)], HERE, os.environ, what, SECONDS)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-cache-dir", "--require-hashes", "-r", str(requirements)]
    modules.fetch(pip, HERE, os.environ, what, SECONDS)
    stamp.write_text(key)


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
