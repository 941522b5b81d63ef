"""Checks what a deployment needs; each missing thing comes with the command that repairs it.

Only looks: nothing is installed, selected, configured or changed. Only the standard library.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from packed import architecture_of

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
# The Pulumi project.
PROGRAM = FOLDER / "example"
COMPONENT = FOLDER / "component"
PACKED = "../../target/lambda/start-engines-lambda/bootstrap.zip"
ARCHITECTURE = "x86_64"
# The required values, each with an example for the command that sets it.
REQUIRED_CONFIG = {
    "aws:region": "us-east-1",
    "start-engines:image": "docker.io/library/my-engine:1",
}
# https://www.pulumi.com/docs/iac/cli/environment-variables/
CONFIRMED = "PULUMI_SKIP_CONFIRMATIONS"
PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
# https://www.pulumi.com/registry/packages/aws/installation-configuration/
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
INSTALL_PULUMI = "curl -fsSL https://get.pulumi.com | sh"


@dataclass(frozen=True)
class Problem:
    """A missing thing, and the command that repairs it."""

    what: str
    repair: str


@dataclass
class Readiness:
    """The results of all checks of one stack."""

    stack: str
    problems: list[Problem] = field(default_factory=list)
    # The stack's configuration, if it could be read; plain values.
    config: dict[str, str] | None = None

    def miss(self, what: str, repair: str) -> None:
        """Adds a problem."""
        self.problems.append(Problem(what, repair))


def command(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command in the program's folder without input, and captures its output."""
    return subprocess.run(
        words,
        cwd=PROGRAM,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def for_destroy(stack: str, confirmed: bool) -> Readiness:
    """Checks what `pulumi destroy` needs: the stack and AWS, since the program does not run."""
    return _of_stack(stack, confirmed, "make destroy")


def for_deploy(stack: str, confirmed: bool) -> Readiness:
    """Checks what `pulumi up` needs."""
    found = _of_stack(stack, confirmed, "make deploy")
    _check_config(found)
    _check_packed(found)
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        found.miss("pulumi/node_modules is missing", "make component")
    else:
        _check_component(found)
    return found


def _of_stack(stack: str, confirmed: bool, make: str) -> Readiness:
    """Checks the stack and AWS; `confirmed` if Pulumi is to ask nothing."""
    found = Readiness(stack)
    _check_pulumi(found)
    _check_terminal(found, confirmed, make)
    _check_credentials(found)
    return found


def _check_terminal(found: Readiness, confirmed: bool, make: str) -> None:
    """Pulumi asks before it changes anything, and for a passphrase; without a terminal, variables answer it."""
    if sys.stdin.isatty():
        return
    if not confirmed and os.environ.get(CONFIRMED, "").lower() not in ("1", "true"):
        repair = f"{make} STACK={found.stack} YES=1   # or: export {CONFIRMED}=true"
        found.miss("there is no terminal on which Pulumi could ask for a confirmation", repair)
    if not any(name in os.environ for name in PASSPHRASES) and _has_passphrase(found.stack):
        found.miss("there is no terminal on which Pulumi could ask for the passphrase", f"export {PASSPHRASES[0]}=...")


def _has_passphrase(stack: str) -> bool:
    """Whether the stack's secrets are protected by one: the default where states are kept without Pulumi Cloud.

    https://www.pulumi.com/docs/iac/concepts/secrets/
    """
    settings = PROGRAM / f"Pulumi.{stack}.yaml"
    if shutil.which("pulumi") is None or settings.exists() and "secretsprovider:" in settings.read_text():
        return False
    output = command("pulumi", "whoami", "--json", "--non-interactive")
    try:
        url = str(json.loads(output.stdout).get("url", ""))
    except ValueError:
        # Nobody is logged in, which is missing anyway; the next check knows.
        return False
    return "://" in url and not url.startswith(("https://", "http://"))


def _check_pulumi(found: Readiness) -> None:
    if shutil.which("pulumi") is None:
        found.miss("the Pulumi CLI is not installed", INSTALL_PULUMI)
        return
    package = json.loads((PROGRAM / "package.json").read_text())
    needed = _numbers(package["dependencies"]["@pulumi/pulumi"])
    version = command("pulumi", "version").stdout.strip()
    if _numbers(version) < needed:
        wanted = ".".join(map(str, needed))
        found.miss(f"the Pulumi CLI is {version}, {wanted} or newer is needed", INSTALL_PULUMI)
    if command("pulumi", "whoami", "--non-interactive").returncode != 0:
        found.miss("nobody is logged in to Pulumi", "pulumi login   # or: pulumi login --local")
        if not _has_settings(found.stack):
            # The values below need it, whether or not it exists.
            select = f"pulumi -C pulumi/example stack select --create {found.stack}"
            found.miss(f"the stack {found.stack} cannot be read without a login", select)
        return
    output = command("pulumi", "config", "--json", "--non-interactive", "--stack", found.stack)
    if output.returncode != 0:
        words = " ".join(output.stderr.split())
        repair = f"pulumi -C pulumi/example stack init {found.stack}"
        found.miss(f"the stack {found.stack} cannot be read: {words}", repair)
        return
    found.config = {name: entry.get("value", "") for name, entry in json.loads(output.stdout).items()}


def _has_settings(stack: str) -> bool:
    return (PROGRAM / f"Pulumi.{stack}.yaml").exists()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def _check_config(found: Readiness) -> None:
    if found.config is None and _has_settings(found.stack):
        # Set, or not readable yet.
        return
    config = found.config or {}
    for name, example in REQUIRED_CONFIG.items():
        from_environment = name == "aws:region" and any(os.environ.get(variable) for variable in REGIONS)
        if not config.get(name) and not from_environment:
            repair = f"pulumi -C pulumi/example config set --stack {found.stack} {name} {example}"
            found.miss(f"{name} is not configured", repair)


def aws_environment(config: dict[str, str] | None) -> dict[str, str]:
    """The profile and region of the stack's configuration, which the provider uses."""
    names = {"aws:profile": "AWS_PROFILE", "aws:region": "AWS_REGION"}
    return {names[key]: value for key, value in (config or {}).items() if key in names and value}


def _check_credentials(found: Readiness) -> None:
    environment = aws_environment(found.config)
    if shutil.which("aws") is not None:
        output = command("aws", "sts", "get-caller-identity", env=environment)
        if output.returncode != 0:
            words = " ".join(output.stderr.split())
            found.miss(f"AWS does not accept the credentials: {words}", "aws sso login   # or: aws configure")
        return
    # Without the AWS CLI, their validity cannot be checked.
    if not _credentials_somewhere(os.environ | environment):
        export = "export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=..."
        found.miss("there are no AWS credentials", f"{export}   # or install the AWS CLI: aws configure")


def _credentials_somewhere(environment: dict[str, str]) -> bool:
    if {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= environment.keys():
        return True
    places = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
              "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if any(environment.get(place) for place in places):
        return True
    home = Path.home() / ".aws"
    files = (
        environment.get("AWS_SHARED_CREDENTIALS_FILE", home / "credentials"),
        environment.get("AWS_CONFIG_FILE", home / "config"),
    )
    return any(Path(file).is_file() for file in files)


def _check_packed(found: Readiness) -> None:
    config = found.config or {}
    architecture = config.get("start-engines:architecture") or ARCHITECTURE
    code = config.get("start-engines:code") or PACKED
    packed = PROGRAM / code
    make = f"make package ARCH={architecture}"
    if not packed.is_file():
        found.miss(f"the packed function is missing: {code}", make)
        return
    built_for = architecture_of(packed)
    if built_for != architecture:
        set_other = f"pulumi -C pulumi/example config set --stack {found.stack} architecture {built_for}"
        repair = f"{make}   # or: {set_other}" if built_for else make
        built = f"is built for {built_for}" if built_for else "holds no Linux program"
        found.miss(f"the packed function {built}, the stack wants {architecture}", repair)
    elif code == PACKED and (newer := _newer_source(packed)):
        found.miss(f"the packed function is older than {newer}", make)


def _check_component(found: Readiness) -> None:
    """The program uses the compiled component."""
    compiled = COMPONENT / "lib" / "index.js"
    if not compiled.is_file():
        found.miss("the component is not compiled", "make component")
    elif newer := _newer(compiled, sorted((COMPONENT / "src").rglob("*.ts"))):
        found.miss(f"the compiled component is older than {newer}", "make component")


def _newer_source(packed: Path) -> str | None:
    """A source file that is newer than the packed function, if any."""
    return _newer(packed, [ROOT / "Cargo.toml", ROOT / "Cargo.lock", *sorted((ROOT / "src").rglob("*.rs"))])


def _newer(made: Path, sources: list[Path]) -> str | None:
    time = made.stat().st_mtime
    newer = (source for source in sources if source.stat().st_mtime > time)
    return next((str(source.relative_to(ROOT)) for source in newer), None)
