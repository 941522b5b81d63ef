"""Other people's engines on the packed function and on what the Pulumi program emits: `make test-engines`.

    .venv/bin/python tests/engines/run.py [PART...]

Checks what it needs, then runs the part of each engine, some side by side. Exit code 0 if all passed, 1 if one failed, 2 if something is
missing. Needs what `make package command component` leaves.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

import parts
import prerequisites
from parts import Part

ENGINES = Path(__file__).resolve().parent
ROOT = ENGINES.parents[1]
LOGS = ROOT / "target" / "engines"
PULUMI = ENGINES / "pulumi" / "run.py"
# In a fresh clone each of them downloads and compiles first. The longest one, which begins with seven minutes of Go's
# compiler, runs beside the others.
LANES = (
    (
        Part(
            "pulumi",
            PULUMI,
            2400,
            only=("test_life.", "test_kinds.", "test_function_kind.", "test_upgrade.", "test_consumers.", "test_package."),
        ),
    ),
    (
        Part("patterns", ENGINES / "patterns" / "run.py", 600),
        Part("lambda", ENGINES / "lambda" / "run.py", 600),
        Part("deploy", PULUMI, 2400, only=("test_deploy.", "test_bad_input.", "test_two_deployments.", "test_two_regions.")),
    ),
)
BUILT = {
    "target/lambda/start-engines-lambda/bootstrap.zip": "make package",
    "target/debug/start-engines": "make command",
    "pulumi/node_modules/.package-lock.json": "make node_modules",
    "pulumi/plugin/lib/main.js": "make component",
    ".venv/ready": "make venv",
}


def main() -> int:
    """Runs the parts that the arguments name, or all."""
    known = [part.name for lane in LANES for part in lane]
    parser = argparse.ArgumentParser(description="Runs other people's engines: Pulumi's, Lambda's, EventBridge's.")
    parser.add_argument("part", nargs="*", help=f"of {', '.join(known)} (default: all)")
    chosen = parser.parse_args().part or known
    unknown = [name for name in chosen if name not in known]
    missing = [f"there is no part {name!r}: use {', '.join(known)}" for name in unknown]
    missing += prerequisites.problems(prerequisites.needed())
    missing += [f"{path} is missing: {how}" for path, how in BUILT.items() if not (ROOT / path).exists()]
    for problem in missing:
        print(f"test-engines: {problem}", file=sys.stderr)
    if missing:
        return 2
    # Ends the parts that run, by way of `finally`.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    lanes = [[part for part in lane if part.name in chosen] for lane in LANES]
    begun = time.monotonic()
    ended = parts.run_all(lanes, LOGS, ROOT, lambda line: print(line, flush=True))
    print()
    for line in parts.summary(ended, time.monotonic() - begun):
        print(f"test-engines: {line}")
    return 1 if any(result.problem for result in ended) else 0


if __name__ == "__main__":
    sys.exit(main())
