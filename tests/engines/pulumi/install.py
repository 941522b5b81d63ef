"""Builds Pulumi's engine and installs its plugins below `.tools/engines/pulumi`, from pinned modules with checksums.

Nothing is done twice: each part is made anew only when what it is made of has changed.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TOOLS = ROOT / ".tools" / "engines" / "pulumi"
BIN = TOOLS / "bin"
VENV = TOOLS / "venv"
VERSION = "v3.248.0"
COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
# Without it the engine says that it has no version, and `make deploy` that it is too old.
VERSION_FLAG = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={VERSION}"
# The engine warns of a provider that it finds on PATH; this folder is not on it.
PLUGINS = TOOLS / "plugins"
PROVIDER = "pulumi-resource-aws"
# That of `@pulumi/aws` in pulumi/example/package.json, which asks for a provider of its own version.
AWS_VERSION = "v7.48.0"
SCRIPTS = {PLUGINS / PROVIDER: "aws_plugin.py", BIN / "pulumi-language-nodejs": "language_plugin.py"}
# Five CPU minutes on two cores that others may use; then it hangs.
SECONDS = 1800


class InstallFailed(Exception):
    """Something could not be built or installed; the message has the tool's own words."""


def install() -> None:
    """Everything that the tests need beside `make package command component venv`."""
    BIN.mkdir(parents=True, exist_ok=True)
    _engine()
    _venv()
    for script, module in SCRIPTS.items():
        path = os.pathsep.join((str(HERE), str(ROOT / "tests" / "local")))
        words = shlex.join([str(VENV / "bin" / "python"), str(HERE / module)])
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {words} "$@"\n')
        script.chmod(0o755)


def _engine() -> None:
    source, stamp = HERE / "engine", TOOLS / "engine.stamp"
    key = _digest(source / "go.mod", source / "go.sum") + VERSION
    if (BIN / "pulumi").exists() and stamp.exists() and stamp.read_text() == key:
        return
    if shutil.which("go") is None:
        raise InstallFailed("Go 1.26 is missing: https://go.dev/dl/")
    print(f"== building Pulumi's engine {VERSION}: about five CPU minutes the first time", flush=True)
    # -mod=readonly: exactly the modules of go.sum, or an error.
    build = ["go", "build", "-mod=readonly", "-ldflags", f"-s -w {VERSION_FLAG}", "-o", str(BIN / "pulumi"), COMMAND]
    _run(build, source)
    stamp.write_text(key)


def _venv() -> None:
    requirements, stamp = HERE / "requirements.txt", TOOLS / "venv.stamp"
    key = _digest(requirements) + sys.version
    if stamp.exists() and stamp.read_text() == key:
        return
    print("== installing what Pulumi's plugins need", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(VENV)], HERE)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(requirements)], HERE)
    stamp.write_text(key)


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _run(words: list[str], folder: Path) -> None:
    try:
        ended = subprocess.run(
            words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"") + (error.stderr or b"")
        raise InstallFailed(f"{shlex.join(words)} did not end within {SECONDS} s: {output!r}") from error
    if ended.returncode != 0:
        output = (ended.stdout + ended.stderr).strip()
        raise InstallFailed(f"{shlex.join(words)} ended with {ended.returncode}:\n{output}")
