"""Runs the unmodified Pulumi program and lets a provider create what it registers.

The program and Pulumi's own runner are processes of Node, in a group of their own; each
registration comes as a line and is answered with one (`pulumi/tests/deploy.ts`). Must not
know any type of resource.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from provider import Provider
from provider.deviations import problems

PULUMI = Path(__file__).resolve().parents[2] / "pulumi"


class DeploymentFailed(Exception):
    """The program did not run to its end, or the provider could not create something."""


def deploy(provider: Provider, config: Mapping[str, str]) -> dict[str, Any]:
    """The stack's outputs, when everything is created and every deviation is a known one."""
    outputs = _run(provider, config)
    found = problems(provider.deviations)
    if found:
        raise DeploymentFailed("; ".join(found))
    return outputs


def _run(provider: Provider, config: Mapping[str, str]) -> dict[str, Any]:
    with _program(config) as program:
        assert program.stdin is not None and program.stdout is not None
        for line in program.stdout:
            message = json.loads(line)
            if "run" in message:
                return _outputs(message["run"])
            program.stdin.write(json.dumps(_answer(provider, message)) + "\n")
            program.stdin.flush()
    raise DeploymentFailed("the Pulumi program has ended without a word")


def _answer(provider: Provider, message: dict[str, Any]) -> dict[str, Any]:
    if "invoke" in message:
        request = message["invoke"]
        return {"answer": provider.invoke(request["token"], request["args"])}
    request = message["create"]
    try:
        made = provider.create(request["type"], request["name"], request["inputs"])
    except Exception as error:
        raise DeploymentFailed(f"{request['type']} {request['name']}: {error!r}") from error
    return {"created": {"id": made.id, "state": made.state}}


def _outputs(run: dict[str, Any]) -> dict[str, Any]:
    if run["exitCode"] != 0 or run["errors"]:
        words = run["errors"].split() or [f"exit code {run['exitCode']}"]
        raise DeploymentFailed(f"the Pulumi program failed: {' '.join(words)}")
    outputs: dict[str, Any] = run["outputs"]
    return outputs


@contextlib.contextmanager
def _program(config: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    node = shutil.which("node")
    if node is None or not (PULUMI / "component" / "lib").is_dir():
        raise DeploymentFailed("Node 20 and the compiled component are needed: use make demo")
    with subprocess.Popen(
        [node, "--import", "tsx", "tests/deploy.ts", json.dumps(config)],
        cwd=PULUMI,
        # Else tsx leaves the files of its cache in the folder for temporary ones.
        env=os.environ | {"TSX_DISABLE_CACHE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            yield program
        finally:
            # Its group: whatever is left of the program ends too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
