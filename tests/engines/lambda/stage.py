"""The demo's stack in MiniStack, and the function that was deployed there in the emulator of Lambda.

The stack is deployed once for all tests. Of the function, the emulator gets the zip and the environment variables that
the Pulumi program has registered, with the variables that Lambda adds.
"""

from __future__ import annotations

import atexit
import functools
import platform
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import places
from aws import Aws
from deployed import Stack, read
from deployment import deploy
from emulator import Emulator
from engine import usable_port
from ministack import REGION, MiniStack
from provider import Provider

# The emulator of Lambda has no other: `InvokeHandler` in its `internal/lambda/rie/handlers.go`.
ACCOUNT = "012345678912"


@dataclass(frozen=True)
class Stage:
    """What was deployed."""

    ministack: MiniStack
    aws: Aws
    stack: Stack
    outputs: dict[str, Any]
    # The unpacked zip, and the files of the layer.
    task: Path
    layer: Path
    environment: dict[str, str]

    @property
    def function_arn(self) -> str:
        """The function's."""
        return str(self.outputs["functionArn"])

    def function(self, name: str, **variables: str | None) -> Emulator:
        """The function in an emulator of its own, not yet started, with these variables changed, or removed."""
        changed = {key: value for key, value in (self.environment | variables).items() if value is not None}
        return Emulator(places.emulator(), self.task, self.layer, changed, places.LOGS / name)


@functools.cache
def stage() -> Stage:
    """The stack, which stays until the tests have ended."""
    folder = Path(tempfile.mkdtemp(prefix="start-engines-lambda-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ministack = MiniStack(places.LOGS / "ministack.log", ACCOUNT)
    atexit.register(ministack.stop)
    ministack.start()
    provider = Provider(functools.cache(ministack.client))
    outputs = deploy(
        provider,
        {
            "aws:region": REGION,
            "start-engines:image": "registry.example/engine:1",
            "start-engines:port": str(usable_port(8080)),
            "start-engines:code": str(places.PACKED),
            "start-engines:architecture": "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64",
            "start-engines:alarmEmail": "people@example.com",
        },
    )
    aws = Aws(ministack.port)
    aws.start()
    atexit.register(aws.close)
    registered = next(made.state for made in provider.resources if made.type.endswith(":Function"))
    task = folder / "task"
    with zipfile.ZipFile(registered["code"]["path"]) as code:
        for entry in code.infolist():
            path = Path(code.extract(entry, task))
            path.chmod(entry.external_attr >> 16 & 0o777)
    layer = folder / "layer"
    layer.mkdir()
    (version,) = (made.state for made in provider.resources if made.id in registered["layers"])
    for name, asset in version["code"]["assets"].items():
        (layer / name).write_text(asset["text"])
    environment = _environment(registered, task, aws)
    return Stage(ministack, aws, read(outputs, provider), outputs, task, layer, environment)


def _environment(registered: dict[str, Any], task: Path, aws: Aws) -> dict[str, str]:
    """What the Lambda guide "Defined runtime environment variables" lists, and the function's own variables."""
    return {
        "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": str(task),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{registered['runtime']}",
        "AWS_LAMBDA_FUNCTION_NAME": registered["name"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(registered["memorySize"]),
        "AWS_LAMBDA_FUNCTION_HANDLER": registered["handler"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "test",
        # The emulator's own, in seconds.
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(int(registered["timeout"])),
        "AWS_ENDPOINT_URL": aws.endpoint,
        **registered["environment"]["variables"],
    }
