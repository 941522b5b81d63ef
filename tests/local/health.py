"""Health checks of targets, as a load balancer makes them; the emulator says `healthy` of each target. Local only.

Each registered target of each target group is asked, with the target group's own settings, and DescribeTargetHealth
tells what came of it. States, reasons and thresholds are those of
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html and
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html. AWS does not say when a
target's first check is: here it is at once. Must not register or deregister anything.
"""

from __future__ import annotations

import dataclasses
import http.client
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from load_balancers import users_of_groups
from query_answer import Element, QueryAnswer
from stand_in import Answer, Call, PassOn

LOOK_SECONDS = 1.0
# What is asked for where a target group says nothing else: ELB's default, CreateTargetGroup.
DEFAULT_PATH = "/"
# With checks by other protocols a target stays `initial`.
CHECKED_BY = ("HTTP", "TCP")
# Those of Application Load Balancers.
OF_APPLICATIONS = ("HTTP", "HTTPS")


@dataclass(frozen=True)
class Health:
    """A target's state, ELB's reason code for it, and its description."""

    state: str
    reason: str = ""
    description: str = ""


HEALTHY = Health("healthy")
REGISTERING = Health(
    "initial", "Elb.RegistrationInProgress", "Target registration is in progress"
)
CHECKING = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
NOT_IN_USE = Health(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)
NOT_REGISTERED = Health("unused", "Target.NotRegistered", "Target is not registered to the target group")
NOT_CHECKED = Health(
    "unavailable", "Target.HealthCheckDisabled", "Health checks are disabled for this target"
)
TIMEOUT = Health("unhealthy", "Target.Timeout", "Request timed out")
REFUSED = Health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")

Target = tuple[str, int]


def mismatch(code: int) -> Health:
    """An answer with a code that does not pass."""
    described = f"Health checks failed with these codes: [{code}]"
    return Health("unhealthy", "Target.ResponseCodeMismatch", described)


@dataclass
class Checked:
    """The checks of one target so far."""

    due: float
    health: Health = CHECKING
    passed: int = 0
    failed: int = 0

    def take(self, result: Health | None, group: dict[str, Any]) -> None:
        """Takes in one check: nothing of one that it has passed, else what is wrong.

        An Application Load Balancer's new target needs one check that passes; to be healthy again after it was
        unhealthy it needs the healthy threshold. Of others this is not said, and it is kept to from the beginning.
        """
        if result is not None:
            self.passed, self.failed = 0, self.failed + 1
            if self.failed >= group["UnhealthyThresholdCount"]:
                self.health = result
            return
        self.passed, self.failed = self.passed + 1, 0
        is_first = self.health.state == "initial" and group["Protocol"] in OF_APPLICATIONS
        if self.passed >= (1 if is_first else group["HealthyThresholdCount"]):
            self.health = HEALTHY


class HealthChecks:
    """Checks the targets of all target groups, so many times `faster` than their intervals say.

    An error is in `failure`.
    """

    def __init__(self, client: Callable[[str], Any], faster: float = 1.0) -> None:
        self.failure: BaseException | None = None
        self._faster = faster
        self._elb = client("elbv2")
        self._targets: dict[tuple[str, Target], Checked] = {}
        # By ARN, what is to be said of each of the group's targets without a check.
        self._unchecked: dict[str, Health] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health checks", daemon=True)

    def start(self) -> None:
        """Begins to check."""
        self._thread.start()

    def close(self) -> None:
        """Ends the checks, whether they have begun or not."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def of(self, group: str, target: Target) -> Health:
        """The health of a registered target."""
        if group in self._unchecked:
            return self._unchecked[group]
        checked = self._targets.get((group, target))
        return REGISTERING if checked is None else checked.health

    def is_decided(self, group: str, target: Target) -> bool:
        """Whether the checks have told how a registered target is."""
        return self.of(group, target).state not in ("initial", "unavailable")

    def answer(self, call: Call, pass_on: PassOn) -> Answer:
        """DescribeTargetHealth with what the checks have found."""
        told = pass_on(call)
        form = call.form()
        if told.status != 200:
            return told
        return dataclasses.replace(told, body=described(told.body, asked(form), self.of, form["TargetGroupArn"]))

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._look()
                self._closing.wait(LOOK_SECONDS / self._faster)
        except Exception as error:
            self.failure = error

    def _look(self) -> None:
        registered: dict[tuple[str, Target], dict[str, Any]] = {}
        unchecked: dict[str, Health] = {}
        used = users_of_groups(self._elb)
        for group in self._elb.describe_target_groups()["TargetGroups"]:
            arn = group["TargetGroupArn"]
            if arn not in used:
                unchecked[arn] = NOT_IN_USE
            elif not group["HealthCheckEnabled"]:
                unchecked[arn] = NOT_CHECKED
            elif group["HealthCheckProtocol"] not in CHECKED_BY:
                unchecked[arn] = CHECKING
            answer = self._elb.describe_target_health(TargetGroupArn=arn)
            for entry in answer["TargetHealthDescriptions"]:
                target = (entry["Target"]["Id"], entry["Target"]["Port"])
                registered[arn, target] = group
        self._unchecked = unchecked
        for key in [key for key in self._targets if key not in registered]:
            del self._targets[key]
        for key, group in registered.items():
            checked = self._targets.setdefault(key, Checked(time.monotonic()))
            if key[0] not in unchecked and checked.due <= time.monotonic():
                checked.due += group["HealthCheckIntervalSeconds"] / self._faster
                checked.take(check(key[1], group), group)


def check(target: Target, group: dict[str, Any]) -> Health | None:
    """One check of a target: nothing if it passes."""
    address, port = target
    given = group["HealthCheckPort"]
    port = port if given == "traffic-port" else int(given)
    seconds = group["HealthCheckTimeoutSeconds"]
    try:
        if group["HealthCheckProtocol"] == "TCP":
            socket.create_connection((address, port), seconds).close()
            return None
        connection = http.client.HTTPConnection(address, port, timeout=seconds)
        try:
            connection.request("GET", group["HealthCheckPath"], headers={"Connection": "close"})
            answer = connection.getresponse()
            code = answer.status
            answer.read()
        finally:
            connection.close()
    except TimeoutError:
        return TIMEOUT
    except (OSError, http.client.HTTPException):
        return REFUSED
    return None if passes(code, group["Matcher"]["HttpCode"]) else mismatch(code)


def passes(code: int, matcher: str) -> bool:
    """Whether a code is one of `200,202` or `200-299`."""
    for part in matcher.split(","):
        first, _, last = part.partition("-")
        if int(first) <= code <= int(last or first):
            return True
    return False


def asked(form: dict[str, str]) -> list[Target]:
    """The targets that DescribeTargetHealth is asked for, each with its port; none means all."""
    found: list[Target] = []
    while f"Targets.member.{len(found) + 1}.Id" in form:
        name = f"Targets.member.{len(found) + 1}"
        found.append((form[f"{name}.Id"], int(form.get(f"{name}.Port", "0"))))
    return found


def described(
    body: bytes, wanted: list[Target], health: Callable[[str, Target], Health], group: str
) -> bytes:
    """DescribeTargetHealth's answer with these states; a target that is asked for and not registered is `unused`."""
    answer = QueryAnswer(body)
    descriptions = answer.list("TargetHealthDescriptions")
    seen: set[Target] = set()
    for member in descriptions:
        port = int(answer.text(member, "Target", "Port"))
        target = (answer.text(member, "Target", "Id"), port)
        seen.add(target)
        answer.remove(member, ["HealthStatus", "TargetHealth"])
        _put(answer, member, health(group, target))
    for id, port in wanted:
        # Asked for without a port, it is the group's, which the emulator knows.
        if (id, port) in seen or (port == 0 and any(each[0] == id for each in seen)):
            continue
        member = answer.put(descriptions, "member")
        entry = answer.put(member, "Target")
        answer.put(entry, "Id", id)
        if port:
            answer.put(entry, "Port", str(port))
        _put(answer, member, NOT_REGISTERED)
    return answer.body()


def _put(answer: QueryAnswer, member: Element, health: Health) -> None:
    entry = answer.put(member, "TargetHealth")
    parts = {"State": health.state, "Reason": health.reason, "Description": health.description}
    for name, value in parts.items():
        if value:
            answer.put(entry, name, value)
