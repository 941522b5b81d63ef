"""The small engine of our own (`pulumi/tests/support/monitor.ts`), beside Pulumi's: what each of them has seen.

The small one gets the answers that Pulumi's provider gave, so that all else must be equal too. Must not know AWS.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from bounded import kill_group
from install import ROOT
from session import Operation

SECONDS = 240.0
SHOWN_LINES = 40
STACK_TYPE = "pulumi:pulumi:Stack"
DEFAULTS = "__defaults"
# What marks an archive among the values.
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
# Pulumi's seven random digits at the end of a name; those of a preview are others at each.
_RANDOM = re.compile(r"-[0-9a-f]{7}(?![0-9a-f])")

Seen = dict[str, Any]
Answer = Callable[[dict[str, Any]], dict[str, Any]]


def run(config: dict[str, str], answer: Answer, preview: bool) -> dict[str, Any]:
    """Runs the example under the small engine; `answer` has the provider's answer to each of its requests."""
    node = shutil.which("node") or "node"
    mode = ["preview"] if preview else []
    said = []
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [node, "--import", "tsx", "tests/deploy.ts", json.dumps(config), *mode],
            cwd=ROOT / "pulumi",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        ) as program,
    ):
        assert program.stdin is not None and program.stdout is not None
        # Its output ends with it.
        timer = threading.Timer(SECONDS, kill_group, [program.pid])
        timer.start()
        try:
            for line in program.stdout:
                said.append(line)
                message = json.loads(line)
                if "run" in message:
                    ended: dict[str, Any] = message["run"]
                    return ended
                with contextlib.suppress(BrokenPipeError):
                    program.stdin.write(json.dumps(answer(message)) + "\n")
                    program.stdin.flush()
        finally:
            timer.cancel()
            kill_group(program.pid)
        errors.seek(0)
        last = "".join([*said, *errors][-SHOWN_LINES:])
    raise AssertionError(f"the small engine has ended without a word, or not within {SECONDS:g} s; it said:\n{last}")


def seen_by_small(ended: dict[str, Any], with_dependencies: bool) -> Seen:
    """By URN: parent, inputs and, where they are asked for, dependencies; and the outputs of the stack."""
    made = {
        each["urn"]: _entry(each["parent"], each["inputs"], each["dependencies"] if with_dependencies else None)
        for each in ended["registrations"]
        if each["type"] != STACK_TYPE
    }
    return {"resources": made, "outputs": ended["outputs"]}


def seen_in_state(state: dict[str, Any], outputs: dict[str, Any]) -> Seen:
    """The same of Pulumi's engine, after an update."""
    made = {
        each["urn"]: _entry(each["parent"], each.get("inputs", {}), each.get("dependencies", []))
        for each in state["resources"]
        if each["type"] != STACK_TYPE and not each["type"].startswith("pulumi:providers:")
    }
    return {"resources": made, "outputs": outputs}


def seen_in_preview(preview: Operation) -> Seen:
    """The same of Pulumi's engine, in a preview, which does not tell the dependencies."""
    events = [event["resourcePreEvent"]["metadata"] for event in preview.events if "resourcePreEvent" in event]
    made = {
        each["urn"]: _entry(each["new"]["parent"], each["new"].get("inputs") or {}, None)
        for each in events
        if each["type"] != STACK_TYPE and not each["type"].startswith("pulumi:providers:")
    }
    ended = [event["resOutputsEvent"]["metadata"] for event in preview.events if "resOutputsEvent" in event]
    # The last one: the stack is made first, and gets its outputs at the end.
    outputs = [each["new"].get("outputs") or {} for each in ended if each["type"] == STACK_TYPE][-1]
    return {"resources": made, "outputs": outputs}


def without_random(seen: Seen) -> Seen:
    """With names as they are before their random digits."""
    plain: Seen = json.loads(_RANDOM.sub("-*", json.dumps(seen)))
    return plain


def _entry(parent: str, inputs: dict[str, Any], dependencies: list[str] | None) -> dict[str, Any]:
    """Without what the provider's check has added to what the program registers."""
    added = {DEFAULTS, *inputs.get(DEFAULTS, [])}
    given = {name: _archive(value) for name, value in inputs.items() if name not in added}
    known = {} if dependencies is None else {"dependencies": sorted(dependencies)}
    return {"parent": parent, "inputs": given} | known


def _archive(value: Any) -> Any:
    """Of an archive, its path or its texts: the engine adds the hash of its content, and takes a mark of Node's SDK away."""
    if not isinstance(value, dict) or ARCHIVE not in value.values():
        return value
    if "path" in value:
        return {"archive": value["path"]}
    return {"archive": {name: asset["text"] for name, asset in value["assets"].items()}}
