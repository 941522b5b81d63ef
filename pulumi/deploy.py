"""`make deploy` and `make destroy`: Pulumi, after a look at whether it can succeed.

    python3 pulumi/deploy.py up STACK
    python3 pulumi/deploy.py destroy STACK

Exit code 2: something is missing, all of it named, and Pulumi was not asked to do anything.
1: nobody agreed to destroy the stack. Else Pulumi's own. Only the standard library.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import readiness
from readiness import FOLDER, Readiness, aws_environment, command

DESCRIBE_AT_ONCE = 100
MARK = "start-engines/"


def main() -> int:
    """Looks, then runs Pulumi."""
    if len(sys.argv) != 3 or sys.argv[1] not in ("up", "destroy"):
        print(f"usage: {sys.argv[0]} up|destroy STACK", file=sys.stderr)
        return 2
    action, stack = sys.argv[1:]
    found = readiness.for_deploy(stack) if action == "up" else readiness.for_destroy(stack)
    if found.problems:
        print(f"{action} {stack}: {len(found.problems)} missing, nothing was changed", file=sys.stderr)
        for problem in found.problems:
            print(f"  {problem.what}\n      {problem.repair}", file=sys.stderr)
        return 2
    if action == "destroy" and not _may_destroy(found):
        return 1
    return subprocess.call(["pulumi", action, "--stack", stack], cwd=FOLDER)


def _may_destroy(found: Readiness) -> bool:
    """Whether no task of ours is left behind, or somebody accepts that."""
    asked = command("pulumi", "stack", "output", "--json", "--stack", found.stack)
    outputs: dict[str, Any] = json.loads(asked.stdout) if asked.returncode == 0 else {}
    cluster = outputs.get("clusterArn")
    if cluster is None:
        print("the stack has no cluster: it was never completely up, and no task can be running")
        return True
    if shutil.which("aws") is None:
        print("without the AWS CLI nobody can see here whether tasks still run: look at the console")
        return _agrees(found.stack)
    try:
        tasks = list(_running(cluster, aws_environment(found.config)))
    except LookFailed as failed:
        print(f"whether tasks still run cannot be seen: {failed}")
        return _agrees(found.stack)
    if not tasks:
        print("no task that start-engines has started is running")
        return True
    print(f"tasks that still run: {len(tasks)}")
    print("Destroying stops none of them, takes no target out of its group, and AWS refuses to delete")
    print("their cluster. Stop them first, and wait until the target groups are empty:")
    for task in tasks:
        print(f"  aws ecs stop-task --cluster {cluster} --task {task}")
    return _agrees(found.stack)


class LookFailed(Exception):
    """The AWS CLI did not answer."""


def _running(cluster: str, environment: dict[str, str]) -> Iterator[str]:
    """The tasks of ours that are not stopped."""

    def ask(*words: str) -> Any:
        asked = command("aws", "ecs", *words, "--cluster", cluster, "--output", "json", env=environment)
        if asked.returncode != 0:
            raise LookFailed(" ".join(asked.stderr.split()))
        return json.loads(asked.stdout)

    arns = ask("list-tasks")["taskArns"]
    for first in range(0, len(arns), DESCRIBE_AT_ONCE):
        for task in ask("describe-tasks", "--tasks", *arns[first : first + DESCRIBE_AT_ONCE])["tasks"]:
            if task.get("startedBy", "").startswith(MARK):
                yield task["taskArn"]


def _agrees(stack: str) -> bool:
    """Whether somebody types the stack's name. Where nobody can, nobody does."""
    print(f"Destroy all the same? Type the stack's name, {stack}: ", end="", flush=True)
    agreed = sys.stdin.readline().strip() == stack
    if not agreed:
        print("nothing was destroyed")
    return agreed


if __name__ == "__main__":
    sys.exit(main())
