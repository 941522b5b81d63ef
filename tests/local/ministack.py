"""The emulator's process: MiniStack, started, watched and ended.

It listens on 127.0.0.1 only, on a port that was free, and writes nothing outside a
temporary folder of its own and the log file. Must not know what is deployed in it, and
must not end any process but those in the group that it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

import wait

# MiniStack answers a load balancer's unsigned requests in its default region only.
REGION = "us-east-1"
# On AWS, Lambda retries a failed event after 1 and after 2 minutes; the emulator
# doubles this delay in the same way.
FIRST_RETRY_SECONDS = 0.2

START_SECONDS = 60.0
START_TRIES = 5
GRACE_SECONDS = 2.0
GONE_SECONDS = 5.0


class EmulatorFailed(Exception):
    """MiniStack could not be started, or has ended by itself."""


class MiniStack:
    """One emulator. `start` and `stop` come in pairs; `stop` may be called at any time."""

    def __init__(self, log: Path, account: str = "000000000000") -> None:
        self.log, self._account = log, account
        self.version = version("ministack")
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None

    @property
    def endpoint(self) -> str:
        """The value for `AWS_ENDPOINT_URL`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts MiniStack and waits until it answers."""
        self._folder = Path(tempfile.mkdtemp(prefix="start-engines-demo-"))
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(b"")
        for _ in range(START_TRIES):
            if self._start_on(free_port()):
                return
        raise EmulatorFailed(f"every port tried was taken by another program; see {self.log}")

    def _start_on(self, port: int) -> bool:
        """True when it answers on this port, False when something else took the port."""
        self.port = port
        # The health endpoint repeats its "edition": an answer with this one is from this process, and
        # not that of another MiniStack which was quicker to take the port.
        mark = f"start-engines-{uuid.uuid4().hex}"
        command = Path(sys.executable).parent / "ministack"
        if not command.exists():
            raise EmulatorFailed(f"{command} is missing: install tests/local/requirements.txt")
        with self.log.open("ab") as log, _signals_held():
            self._process = subprocess.Popen(
                [str(command)],
                env=self._environment(mark),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with contextlib.suppress(EmulatorFailed):
            wait.until(
                "MiniStack to answer", lambda: self._answers(mark), START_SECONDS, self.check
            )
            return True
        self._end_group()
        if port_is_free(port):
            raise EmulatorFailed(f"MiniStack ended while starting; see {self.log}")
        return False

    def _environment(self, mark: str) -> dict[str, str]:
        """A complete environment, nothing inherited but PATH and locale: the emulator
        hands its own to every function it runs, so a developer's AWS keys, endpoint or
        proxy must not be in it."""
        folder = str(self._folder)
        inherited = {k: v for k, v in os.environ.items() if k == "PATH" or k.startswith("LC_")}
        return inherited | {
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": folder,
            "TMPDIR": folder,
            "STATE_DIR": f"{folder}/state",
            "S3_DATA_DIR": f"{folder}/s3",
            "PYTHONUNBUFFERED": "1",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": self._account,
            "MINISTACK_EDITION": mark,
            "PERSIST_STATE": "0",
            # The two other listeners that it would open.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # The same behaviour with and without Docker: with it, RunTask would pull images.
            "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
            "LAMBDA_EXECUTOR": "local",
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(FIRST_RETRY_SECONDS),
        }

    def _answers(self, mark: str) -> bool:
        # No proxy, whatever the environment says: the address is this machine's.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.endpoint}/_ministack/health", timeout=5) as answer:
                return bool(json.load(answer).get("edition") == mark)
        except (OSError, ValueError):
            return False

    def is_running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and not _has_ended(self._process.pid)

    def check(self) -> None:
        """Raises when the process is not running."""
        if not self.is_running():
            raise EmulatorFailed(f"MiniStack is not running; see {self.log}")

    def client(self, service: str, region: str = REGION, endpoint: str | None = None) -> Any:
        """A client of one AWS service in the emulator, or at an endpoint before it."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=endpoint or self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1}, proxies={}
            ),
        )

    def stop(self) -> None:
        """Ends the process, the functions that it started, and its temporary folder."""
        self._end_group()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _end_group(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # Its process group is its own, and holds the functions' processes too. The leader
        # is only reaped after the last signal: until then its number cannot name another
        # program's group.
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(wait.DeadlineExceeded):
            wait.until("MiniStack to end", lambda: _has_ended(process.pid), GRACE_SECONDS)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + GONE_SECONDS
        while _group_exists(process.pid) and time.monotonic() < deadline:
            time.sleep(wait.INTERVAL_SECONDS)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Puts signals off until the block has ended: one that came between the start of the
    process and the note of its number would leave it behind."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in came:
            signal.raise_signal(each)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether nothing listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _has_ended(pid: int) -> bool:
    """Whether our child has ended, without reaping it."""
    state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return state is not None


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
