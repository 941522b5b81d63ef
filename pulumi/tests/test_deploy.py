"""`deploy.py` against stand-ins for `pulumi` and `aws`: each check failing, and passing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from typing import Any

PULUMI = Path(__file__).resolve().parents[1]
CLUSTER = "arn:aws:ecs:us-east-1:111122223333:cluster/engines"
TASK = "arn:aws:ecs:us-east-1:111122223333:task/engines/"
# There is no terminal in these tests.
CONFIRMED = {"PULUMI_SKIP_CONFIRMATIONS": "true"}
X86_64, ARM64 = 0x3E, 0xB7

# Answers what the test has written down for the command's words, and notes the words.
STAND_IN = f"""#!{sys.executable}
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
name, words = pathlib.Path(__file__).name, " ".join(sys.argv[1:])
with (folder / "calls").open("a") as calls:
    calls.write(f"{{name}} {{words}}\\n")
answers = json.loads((folder / "answers.json").read_text())
found = [answers[key] for key in answers if f"{{name}} {{words}}".startswith(key)]
code, output, errors = found[0] if found else (99, "", "nobody expected this")
sys.stdout.write(output)
sys.stderr.write(errors)
sys.exit(code)
"""


def says(output: str = "") -> tuple[int, str, str]:
    return 0, output, ""


def fails(errors: str) -> tuple[int, str, str]:
    return 255, "", errors


def config(**more: str) -> tuple[int, str, str]:
    values = {"aws:region": "eu-central-1", "start-engines:image": "engine:1", **more}
    return says(json.dumps({name: {"value": value} for name, value in values.items()}))


class Deploy(unittest.TestCase):
    """A folder as after `make package component`, and two tools that say yes."""

    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="start-engines-deploy-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.folder, self.bin = self.root / "pulumi", self.root / "bin"
        (self.folder / "node_modules").mkdir(parents=True)
        (self.folder / "node_modules" / ".package-lock.json").touch()
        for name in ("deploy.py", "readiness.py", "packed.py"):
            shutil.copy(PULUMI / name, self.folder)
        self.program = self.folder / "example"
        self.program.mkdir()
        shutil.copy(PULUMI / "example" / "package.json", self.program)
        self.compiled = self.folder / "component/lib/index.js"
        self.source = self.folder / "component/src/index.ts"
        for file in (self.source, self.compiled):
            file.parent.mkdir(parents=True)
            file.touch()
        (self.root / "src").mkdir()
        for name in ("Cargo.toml", "Cargo.lock", "src/lib.rs"):
            (self.root / name).touch()
        self.packed = self.root / "target/lambda/start-engines-lambda/bootstrap.zip"
        self.packed.parent.mkdir(parents=True)
        self.pack(X86_64)
        self.bin.mkdir()
        for name in ("pulumi", "aws"):
            (self.bin / name).write_text(STAND_IN)
            (self.bin / name).chmod(0o755)
        self.environment: dict[str, str] = CONFIRMED
        self.answers: dict[str, tuple[int, str, str]] = {
            "pulumi version": says("v3.248.0\n"),
            "pulumi whoami": says(json.dumps({"user": "somebody", "url": "https://app.pulumi.com/somebody"})),
            "pulumi config": config(),
            "pulumi stack output": says(json.dumps({"clusterArn": CLUSTER})),
            "pulumi up": says("up!\n"),
            "pulumi destroy": says("gone!\n"),
            "aws sts get-caller-identity": says("{}"),
            "aws ecs list-tasks": says('{"taskArns": []}'),
        }

    def pack(self, machine: int, name: str = "bootstrap") -> None:
        header = b"\x7fELF".ljust(18, b"\0") + machine.to_bytes(2, "little")
        with zipfile.ZipFile(self.packed, "w") as archive:
            archive.writestr(name, header)

    def run_it(self, action: str, typed: str = "", flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        (self.bin / "answers.json").write_text(json.dumps(self.answers))
        return subprocess.run(
            [sys.executable, str(self.folder / "deploy.py"), action, "dev", *flags],
            env={"PATH": str(self.bin), "HOME": str(self.root), **self.environment},
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> list[str]:
        return (self.bin / "calls").read_text().splitlines()

    def assert_changed_nothing(self) -> None:
        for call in self.calls() if (self.bin / "calls").exists() else []:
            self.assertNotRegex(call, r"^pulumi (up|destroy|login|stack init|stack select|config set)")

    def assert_misses(self, what: str, repair: str, action: str = "up") -> None:
        """This, with its repair, and nothing else."""
        ended = self.run_it(action)
        self.assertEqual(ended.returncode, 2, ended)
        headline, *lines = ended.stderr.splitlines()
        self.assertEqual(headline, f"{action} dev: 1 missing, nothing was changed", ended.stderr)
        self.assertIn(what, lines[0])
        self.assertEqual(lines[1].strip(), repair)
        self.assert_changed_nothing()


class Up(Deploy):
    def test_runs_pulumi_when_nothing_is_missing(self) -> None:
        ended = self.run_it("up")
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "up!\n", ""))
        self.assertEqual(self.calls()[-1], "pulumi up --stack dev")

    def test_ends_as_pulumi_does(self) -> None:
        self.answers["pulumi up"] = fails("no")
        self.assertEqual(self.run_it("up").returncode, 255)

    def test_says_everything_at_once(self) -> None:
        for name in ("pulumi", "aws"):
            (self.bin / name).unlink()
        shutil.rmtree(self.folder / "node_modules")
        self.packed.unlink()
        ended = self.run_it("up")
        self.assertEqual(ended.returncode, 2)
        for part in ("6 missing", "Pulumi CLI is not installed", "no AWS credentials", "aws:region is not",
                     "start-engines:image is not", "packed function is missing", "node_modules is missing"):
            self.assertIn(part, ended.stderr)

    def test_no_terminal_and_no_confirmation(self) -> None:
        self.environment = {}
        for action in ("up", "destroy"):
            with self.subTest(action):
                what = "there is no terminal on which Pulumi could ask for a confirmation"
                make = "make deploy" if action == "up" else "make destroy"
                repair = f"{make} STACK=dev YES=1   # or: export PULUMI_SKIP_CONFIRMATIONS=true"
                self.assert_misses(what, repair, action)

    def test_flags_are_pulumis_own_and_yes_needs_no_terminal(self) -> None:
        self.environment = {}
        for action in ("up", "destroy"):
            with self.subTest(action):
                ended = self.run_it(action, flags=("--refresh", "--diff", "--yes"))
                self.assertEqual(ended.returncode, 0, ended)
                self.assertEqual(self.calls()[-1], f"pulumi {action} --stack dev --yes --diff --refresh")

    def test_what_is_no_flag_is_refused_before_anything(self) -> None:
        ended = self.run_it("up", flags=("--force",))
        self.assertEqual(ended.returncode, 2)
        self.assertIn("unrecognized arguments: --force", ended.stderr)
        self.assertFalse((self.bin / "calls").exists())

    def test_a_region_of_the_environment(self) -> None:
        self.answers["pulumi config"] = config(**{"aws:region": ""})
        self.environment = CONFIRMED | {"AWS_REGION": ""}
        set_it = "pulumi -C pulumi/example config set --stack dev aws:region us-east-1"
        self.assert_misses("aws:region is not configured", set_it)
        for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            with self.subTest(variable):
                self.environment = CONFIRMED | {variable: "eu-west-1"}
                self.assertEqual(self.run_it("up").returncode, 0)

    def test_no_terminal_and_no_passphrase(self) -> None:
        self.answers["pulumi whoami"] = says(json.dumps({"user": "somebody", "url": "file:///states"}))
        what = "there is no terminal on which Pulumi could ask for the passphrase"
        self.assert_misses(what, "export PULUMI_CONFIG_PASSPHRASE=...")
        for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
            self.environment = CONFIRMED | {name: ""}
            self.assertEqual(self.run_it("up").returncode, 0, name)
        self.environment = CONFIRMED
        (self.program / "Pulumi.dev.yaml").write_text("secretsprovider: awskms://alias/a\n")
        self.assertEqual(self.run_it("up").returncode, 0)

    def test_an_old_pulumi(self) -> None:
        self.answers["pulumi version"] = says("v3.99.7\n")
        what = "the Pulumi CLI is v3.99.7, 3.248.0 or newer is needed"
        self.assert_misses(what, "curl -fsSL https://get.pulumi.com | sh")

    def test_nobody_logged_in(self) -> None:
        self.answers["pulumi whoami"] = fails("not logged in")
        # As after a first deployment: what is configured cannot be asked, but it is there.
        (self.program / "Pulumi.dev.yaml").touch()
        self.assert_misses("nobody is logged in to Pulumi", "pulumi login   # or: pulumi login --local")

    def test_nobody_logged_in_and_no_settings(self) -> None:
        self.answers["pulumi whoami"] = fails("not logged in")
        lines = [line.strip() for line in self.run_it("up").stderr.splitlines()]
        login, select, region = (
            next(n for n, line in enumerate(lines) if line.startswith(start))
            for start in ("pulumi login", "pulumi -C pulumi/example stack select --create dev", "pulumi -C pulumi/example config set")
        )
        # In this order each can be done.
        self.assertLess(login, select)
        self.assertLess(select, region)

    def test_no_such_stack(self) -> None:
        self.answers["pulumi config"] = fails("error: no stack named 'dev' found")
        ended = self.run_it("up")
        self.assertIn("the stack dev cannot be read: error: no stack named 'dev' found", ended.stderr)
        self.assertIn("pulumi -C pulumi/example stack init dev", ended.stderr)
        # A new stack has no configuration either.
        self.assertIn("3 missing", ended.stderr)
        self.assertEqual(ended.returncode, 2)

    def test_config_that_is_not_set(self) -> None:
        for name, example in (("aws:region", "us-east-1"), ("start-engines:image", "docker.io/library/my-engine:1")):
            with self.subTest(name=name):
                self.answers["pulumi config"] = config(**{name: ""})
                repair = f"pulumi -C pulumi/example config set --stack dev {name} {example}"
                self.assert_misses(f"{name} is not configured", repair)

    def test_credentials_that_have_expired(self) -> None:
        self.answers["aws sts get-caller-identity"] = fails("ExpiredToken: the security token is expired")
        self.assert_misses("AWS does not accept the credentials: ExpiredToken", "aws sso login   # or: aws configure")

    def test_without_the_aws_cli_credentials_are_looked_for_where_they_usually_are(self) -> None:
        (self.bin / "aws").unlink()
        self.assertIn("there are no AWS credentials", self.run_it("up").stderr)
        (self.root / "credentials").touch()
        for environment in (
            {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"},
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "token"},
            {"AWS_SHARED_CREDENTIALS_FILE": str(self.root / "credentials")},
        ):
            with self.subTest(environment=environment):
                self.environment = CONFIRMED | environment
                self.assertEqual(self.run_it("up").returncode, 0)
        self.environment = CONFIRMED | {"AWS_ACCESS_KEY_ID": "half"}
        self.assertEqual(self.run_it("up").returncode, 2)

    def test_no_packed_function(self) -> None:
        self.packed.unlink()
        self.assert_misses("the packed function is missing", "make package ARCH=x86_64")

    def test_a_function_packed_for_another_architecture(self) -> None:
        other = "pulumi -C pulumi/example config set --stack dev architecture arm64"
        self.pack(ARM64)
        what = "is built for arm64, the stack wants x86_64"
        self.assert_misses(what, f"make package ARCH=x86_64   # or: {other}")
        self.answers["pulumi config"] = config(**{"start-engines:architecture": "arm64"})
        self.assertEqual(self.run_it("up").returncode, 0)

    def test_a_zip_that_is_none_or_holds_no_program(self) -> None:
        for spoil in (lambda: self.packed.write_text("no zip"), lambda: self.pack(X86_64, "other")):
            with self.subTest():
                spoil()
                self.assert_misses("holds no Linux program", "make package ARCH=x86_64")

    def test_a_function_packed_before_its_sources_changed(self) -> None:
        later = self.packed.stat().st_mtime + 60
        os.utime(self.root / "src/lib.rs", (later, later))
        self.assert_misses("is older than src/lib.rs", "make package ARCH=x86_64")

    def test_a_function_of_ones_own_is_not_compared_with_the_sources(self) -> None:
        later = self.packed.stat().st_mtime + 60
        os.utime(self.root / "src/lib.rs", (later, later))
        self.answers["pulumi config"] = config(**{"start-engines:code": str(self.packed)})
        self.assertEqual(self.run_it("up").returncode, 0)

    def test_no_node_modules(self) -> None:
        shutil.rmtree(self.folder / "node_modules")
        self.assert_misses("pulumi/node_modules is missing", "make component")

    def test_a_component_that_is_not_compiled(self) -> None:
        self.compiled.unlink()
        self.assert_misses("the component is not compiled", "make component")

    def test_a_component_compiled_before_its_sources_changed(self) -> None:
        later = self.compiled.stat().st_mtime + 60
        os.utime(self.source, (later, later))
        what = "the compiled component is older than pulumi/component/src/index.ts"
        self.assert_misses(what, "make component")


class Destroy(Deploy):
    def running(self, *started_by: str | None) -> None:
        """Tasks with these in `startedBy`."""
        tasks: list[dict[str, Any]] = [
            {"taskArn": f"{TASK}{n}"} | ({} if mark is None else {"startedBy": mark})
            for n, mark in enumerate(started_by)
        ]
        self.answers["aws ecs list-tasks"] = says(json.dumps({"taskArns": [task["taskArn"] for task in tasks]}))
        self.answers["aws ecs describe-tasks"] = says(json.dumps({"tasks": tasks}))

    def test_needs_neither_the_packed_function_nor_what_the_program_needs(self) -> None:
        shutil.rmtree(self.folder / "node_modules")
        self.compiled.unlink()
        self.packed.unlink()
        ended = self.run_it("destroy")
        self.assertEqual(ended.returncode, 0, ended)
        self.assertIn("no task that start-engines has started is running", ended.stdout)
        self.assertEqual(self.calls()[-1], "pulumi destroy --stack dev")

    def test_needs_credentials(self) -> None:
        self.answers["aws sts get-caller-identity"] = fails("ExpiredToken")
        self.assert_misses("ExpiredToken", "aws sso login   # or: aws configure", "destroy")

    def test_shows_running_tasks_and_destroys_nothing_when_nobody_agrees(self) -> None:
        self.running("start-engines/auth/0123/8080", "ecs-svc/1", None)
        for typed in ("", "yes\n", "prod\n"):
            with self.subTest(typed=typed):
                ended = self.run_it("destroy", typed)
                self.assertEqual(ended.returncode, 1, ended)
                self.assertIn("tasks that still run: 1\n", ended.stdout)
                self.assertIn(f"aws ecs stop-task --cluster {CLUSTER} --task {TASK}0\n", ended.stdout)
                self.assertNotIn(f"{TASK}1", ended.stdout)
                self.assertIn("nothing was destroyed", ended.stdout)
        self.assert_changed_nothing()

    def test_destroys_all_the_same_when_somebody_types_the_name(self) -> None:
        self.running("start-engines/-")
        ended = self.run_it("destroy", "dev\n")
        self.assertEqual(ended.returncode, 0, ended)
        self.assertEqual(self.calls()[-1], "pulumi destroy --stack dev")

    def test_yes_does_not_mean_the_tasks_that_still_run(self) -> None:
        self.running("start-engines/-")
        ended = self.run_it("destroy", flags=("--yes",))
        self.assertEqual(ended.returncode, 1, ended)
        self.assertIn("nothing was destroyed", ended.stdout)
        self.assert_changed_nothing()

    def test_asks_when_it_cannot_see(self) -> None:
        self.answers["aws ecs list-tasks"] = fails("AccessDenied")
        self.assertIn("cannot check whether tasks still run: AccessDenied", self.run_it("destroy").stdout)
        (self.bin / "aws").unlink()
        self.environment = CONFIRMED | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
        ended = self.run_it("destroy")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("without the AWS CLI", ended.stdout)
        self.assert_changed_nothing()

    def test_asks_when_the_outputs_cannot_be_read(self) -> None:
        self.answers["pulumi stack output"] = fails("incorrect passphrase")
        ended = self.run_it("destroy")
        self.assertEqual(ended.returncode, 1, ended)
        self.assertIn("cannot check whether tasks still run: incorrect passphrase", ended.stdout)
        self.assert_changed_nothing()

    def test_a_stack_without_a_cluster_has_no_tasks(self) -> None:
        self.answers["pulumi stack output"] = says("{}")
        ended = self.run_it("destroy")
        self.assertEqual(ended.returncode, 0, ended)
        self.assertNotIn("aws ecs", " ".join(self.calls()))

    def test_the_stacks_own_profile_and_region_are_asked(self) -> None:
        self.answers["pulumi config"] = config(**{"aws:profile": "prod"})
        seen = self.bin / "seen"
        real = (self.bin / "aws").read_text()
        noted = f"import os\nopen({str(seen)!r}, 'a').write(f\"{{os.environ['AWS_PROFILE']}} {{os.environ['AWS_REGION']}}\\n\")\n"
        (self.bin / "aws").write_text(real.replace("import json", f"{noted}import json", 1))
        self.assertEqual(self.run_it("destroy").returncode, 0)
        self.assertEqual(set(seen.read_text().splitlines()), {"prod eu-central-1"})


if __name__ == "__main__":
    unittest.main()
