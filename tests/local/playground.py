"""The playground: the demo's stack, left running for the product's command.

    .venv/bin/python tests/local/playground.py --zip target/lambda/start-engines-lambda/bootstrap.zip

Starts the stack, writes a file of variables that makes the command work on it, prints what to try, and goes on until a
signal ends it and all that it has started. With `--fault` something is wrong in it. What the emulator does not tell, a
stand-in before it does (`stand_in.py`), for the function and for the command. Must not leave a process behind.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shlex
import sys
import time
from pathlib import Path

import signals
from bridge import SOUND, Containers
from command import BINARY
from entrance import Entrance
from faults import Fault, UnknownFault, fault
from gaps import PLAYGROUND_GAPS
from health import DEFAULT_PATH
from ministack import REGION
from planned import CHECK, Planner
from provider.deviations import DEVIATIONS
from running import BUNDLE, LOGS, Running
from screen import Screen
from signals import Interrupted
from told import Told

SERVICE = "billing"
# Its own, so that the demo beside it does not write into its files.
FOLDER = LOGS.parent / "playground"
# How often the tasks are looked at: nobody measures here, and it runs for hours.
LOOK_SECONDS = 0.2
# And the schedules of checks.
PLAN_SECONDS = 1.0
CONTAINERS = {
    Fault.HEALTH_CHECK: Containers(missing=frozenset({DEFAULT_PATH})),
    Fault.IMAGE: Containers(image_is_missing=True),
}
WAITS = {None: "--wait", Fault.RULE_OFF: "--wait --timeout 40", Fault.HEALTH_CHECK: "--wait --timeout 20"}
# What a shell may have of other deployments, and must not be used on this one.
OF_OTHERS = "(AWS|START_ENGINES)_[A-Z0-9_]+|SETTINGS_FILE|ECS_CLUSTER|https?_proxy|HTTPS?_PROXY|all_proxy|ALL_PROXY"
FORGET = f"""for _other in $(env | grep -oE '^({OF_OTHERS})=' | tr -d =); do unset "$_other"; done; unset _other"""


class Playground:
    """One run, from the emulator's start to the signal that ends it."""

    def __init__(self, bundle: Path, folder: Path, planted: Fault | None) -> None:
        self._screen = Screen()
        self._folder, self._fault = folder, planted
        self._running = Running(bundle, folder)
        self._variables = folder / "playground.sh"
        self._differences = folder / "playground.txt"
        # The function's and the command's AWS.
        self._told = Told(self._running)
        self._entrance: Entrance | None = None
        self._planner: Planner | None = None

    def run(self) -> int:
        """The exit code: 0 when a signal ended what ran."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._screen.line(f"playground: another one runs already, with its files in {_shown(self._folder)}")
                return 1
            return self._run()

    def _run(self) -> int:
        code, is_up = 0, False
        try:
            try:
                self._begin()
                self._tell()
                is_up = True
                self._stay()
            except BrokenPipeError:
                raise
            except Exception as error:
                code = 1
                step = "running" if is_up else self._running.step
                self._running.explain(self._screen, error, step)
        except Interrupted as interrupted:
            code = code or (0 if is_up else 128 + interrupted.number)
        finally:
            self._close()
        return code

    def _begin(self) -> None:
        if not BINARY.is_file():
            raise RuntimeError(f"{BINARY} is missing: cargo build --bin start-engines")
        running = self._running
        self._folder.mkdir(parents=True, exist_ok=True)
        self._told.start()
        running.start()
        running.deploy(self._told.endpoint)
        stack, client = running.stack, running.emulator.client
        self._entrance = Entrance(client, stack.start_rule.bus, stack.account, stack.region)
        self._entrance.start()
        self._planner = Planner(client, stack.function)
        self._told.tell({"PutEvents": self._entrance.answer})
        running.watch(CONTAINERS.get(self._fault, SOUND) if self._fault else SOUND, LOOK_SECONDS)
        if self._fault is Fault.RULE_OFF:
            rule = running.stack.state_rule
            running.emulator.client("events").disable_rule(Name=rule.name, EventBusName=rule.bus)

    def _tell(self) -> None:
        """Writes the files, and prints ten lines."""
        self._write_variables()
        self._write_differences()
        screen, emulator = self._screen, self._running.emulator
        wrong = f", and {self._fault.words}" if self._fault else ""
        differences = _shown(self._differences)
        screen.line(
            f"The stack of pulumi/example runs in MiniStack {emulator.version} until Ctrl-C{wrong} "
            f"(what {'else ' if wrong else ''}is not as AWS: {differences}). In another shell:"
        )
        for line in self._lines():
            screen.line(f"  {line}")

    def _lines(self) -> list[str]:
        """What to try."""
        stack, port = self._running.stack, self._running.emulator.port
        url = f"http://{stack.load_balancer_dns}/{SERVICE}/"
        lines = [
            f"source {shlex.quote(str(_shown(self._variables)))}",
            f"start-engines start {SERVICE} {WAITS.get(self._fault, '--wait')}",
        ]
        if self._fault is not Fault.IMAGE:
            # Which looks into no registry but ECR.
            lines.append(f"start-engines doctor --quiet {SERVICE}")
        # In this order: by now the task was checked, which is in its story.
        lines += ["start-engines status", f"start-engines trace {SERVICE}"]
        if self._fault is Fault.RULE_OFF:
            lines.append("start-engines reconcile --yes")
        if self._fault is not Fault.IMAGE:
            lines.append(f"curl -s --connect-to ::127.0.0.1:{port} {url}")
        if self._fault is None:
            lines += ["start-engines reconcile --dry-run", "start-engines redrive"]
        return [*lines, f"start-engines stop --service {SERVICE} --drain 0 --wait"]

    def _write_variables(self) -> None:
        catalog = self._folder / "services.json"
        catalog.write_text(self._running.outputs["catalog"])
        variables = {
            "SERVICES_FILE": str(catalog.resolve()),
            "AWS_ENDPOINT_URL": self._told.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        path = f'export PATH={shlex.quote(str(BINARY.parent.resolve()))}":$PATH"'
        own = self._running.outputs["commandEnvironment"].rstrip("\n")
        header = "# For a shell: start-engines, and the aws command, on the playground that wrote this file."
        self._variables.write_text("\n".join([header, FORGET, own, *exports, path, ""]))

    def _write_differences(self) -> None:
        registered = [f"{type}: {path}: {why}." for (type, path), why in DEVIATIONS.items()]
        points = [*PLAYGROUND_GAPS, *registered]
        self._differences.write_text("".join(f"- {point}\n\n" for point in points))

    def _stay(self) -> None:
        """Shows what the tasks do, and has their checks made, until a signal comes."""
        shown: dict[str, str] = {}
        planned_at = 0.0
        while True:
            self._check()
            for watched in self._running.tasks():
                now = str(watched.stage)
                if shown.get(watched.arn) != now:
                    shown[watched.arn] = now
                    where = f"{watched.engine.address}:{watched.engine.port}"
                    self._screen.line(f"task {watched.id} on {where}: {now}")
            if time.monotonic() - planned_at >= PLAN_SECONDS:
                self._check_targets()
                planned_at = time.monotonic()
            time.sleep(LOOK_SECONDS)

    def _check(self) -> None:
        """Raises when something has ended by itself."""
        self._running.check()
        self._told.check()
        if self._entrance is not None and self._entrance.failure is not None:
            raise self._entrance.failure

    def _check_targets(self) -> None:
        """Has each check made as soon as the health checks have told how its targets are, and says so."""
        assert self._planner is not None
        for planned in self._planner.bring_decided_forward(self._told.is_decided):
            task = planned.name.removeprefix(CHECK)
            self._screen.line(f"task {task}: its check, planned for {planned.at} UTC, is made now")

    def _close(self) -> None:
        signals.ignore()
        # It would name a port on which nothing, or something else, listens.
        self._variables.unlink(missing_ok=True)
        try:
            self._told.close()
            if self._entrance is not None:
                self._entrance.close()
        finally:
            self._running.close()


def _shown(path: Path) -> Path:
    """The path from the current folder, if it is below it."""
    here = Path.cwd()
    full = path.resolve()
    return full.relative_to(here) if full.is_relative_to(here) else full


def main() -> int:
    """Reads the arguments and runs the playground."""
    parser = argparse.ArgumentParser(description="Leaves the example's stack running in a local AWS.")
    parser.add_argument(
        "--zip", type=Path, default=BUNDLE, help="the function's bundle (default: %(default)s)"
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where the files go (default: %(default)s)"
    )
    parser.add_argument("--fault", default="", help="what is wrong in it")
    arguments = parser.parse_args()
    try:
        planted = fault(arguments.fault)
    except UnknownFault as error:
        parser.exit(2, f"playground: {error}\n")
    return signals.run(Playground(arguments.zip, arguments.folder, planted).run)


if __name__ == "__main__":
    sys.exit(main())
