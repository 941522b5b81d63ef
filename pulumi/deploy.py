"""`make deploy` and `make destroy`: run Pulumi, after checking what is missing.

    python3 pulumi/deploy.py up STACK [--yes] [--diff] [--refresh]
    python3 pulumi/deploy.py destroy STACK [--yes] [--diff] [--refresh]

The flags are those of `pulumi up` and `pulumi destroy`: without a question, with each changed property, and with a look at
what there is first. A destruction asks about tasks that still run all the same.

Exit code 2: something is missing, all of it is printed, and Pulumi was not run. Exit code 1: the destruction was
not confirmed. Otherwise Pulumi's own. Uses the standard library only.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import readiness
from readiness import PROGRAM, Readiness, aws_environment, command

FLAGS = ("--yes", "--diff", "--refresh")
DESCRIBE_AT_ONCE = 100
MARK = "start-engines/"


def main() -> int:
    """Checks, then runs Pulumi."""
    parser = argparse.ArgumentParser(description="Run Pulumi on the example, after checking what is missing.")
    parser.add_argument("action", choices=("up", "destroy"))
    parser.add_argument("stack")
    for flag in FLAGS:
        parser.add_argument(flag, action="store_true")
    given = parser.parse_args()
    action, stack = given.action, given.stack
    flags = [flag for flag in FLAGS if getattr(given, flag.removeprefix("--"))]
    check = readiness.for_deploy if action == "up" else readiness.for_destroy
    found = check(stack, confirmed=given.yes)
    if found.problems:
        print(f"{action} {stack}: {len(found.problems)} missing, nothing was changed", file=sys.stderr)
        for problem in found.problems:
            print(f"  {problem.what}\n      {problem.repair}", file=sys.stderr)
        return 2
    if action == "destroy" and not _may_destroy(found):
        return 1
    return subprocess.call(["pulumi", action, "--stack", stack, *flags], cwd=PROGRAM)


def _may_destroy(found: Readiness) -> bool:
    """Whether no task of start-engines still runs, or the user accepts that."""
    output = command("pulumi", "stack", "output", "--json", "--stack", found.stack)
    if output.returncode != 0:
        print(f"cannot check whether tasks still run: {' '.join(output.stderr.split())}")
        return _agrees(found.stack)
    outputs: dict[str, Any] = json.loads(output.stdout)
    cluster = outputs.get("clusterArn")
    if cluster is None:
        print("the stack has no cluster: it was never completely up, and no task can be running")
        return True
    if shutil.which("aws") is None:
        print("without the AWS CLI this cannot check whether tasks still run: see the console")
        return _agrees(found.stack)
    try:
        tasks = list(_running(cluster, aws_environment(found.config)))
    except CheckFailed as failed:
        print(f"cannot check whether tasks still run: {failed}")
        return _agrees(found.stack)
    if not tasks:
        print("no task that start-engines has started is running")
        return True
    print(f"tasks that still run: {len(tasks)}")
    print("Destroying stops none of them and deregisters no target, and AWS refuses to delete their")
    print("cluster. Stop them first, and wait until the target groups are empty:")
    for task in tasks:
        print(f"  aws ecs stop-task --cluster {cluster} --task {task}")
    return _agrees(found.stack)


class CheckFailed(Exception):
    """The AWS CLI failed."""


def _running(cluster: str, environment: dict[str, str]) -> Iterator[str]:
    """The tasks that start-engines has started and that are not stopped."""

    def ask(*words: str) -> Any:
        output = command("aws", "ecs", *words, "--cluster", cluster, "--output", "json", env=environment)
        if output.returncode != 0:
            raise CheckFailed(" ".join(output.stderr.split()))
        return json.loads(output.stdout)

    arns = ask("list-tasks")["taskArns"]
    for first in range(0, len(arns), DESCRIBE_AT_ONCE):
        for task in ask("describe-tasks", "--tasks", *arns[first : first + DESCRIBE_AT_ONCE])["tasks"]:
            if task.get("startedBy", "").startswith(MARK):
                yield task["taskArn"]


def _agrees(stack: str) -> bool:
    """Whether the user types the stack's name; without a terminal, no."""
    print(f"Destroy anyway? Type the stack's name, {stack}: ", end="", flush=True)
    agreed = sys.stdin.readline().strip() == stack
    if not agreed:
        print("nothing was destroyed")
    return agreed


if __name__ == "__main__":
    sys.exit(main())
