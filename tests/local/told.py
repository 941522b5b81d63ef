"""What AWS tells and the emulator does not, told before one stack: the stand-ins, at one endpoint. Local only.

The function and the command have AWS there. Must not know what is shown of the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from function_told import function_answerers
from health import HealthChecks, Target
from interfaces import Tasks, describe_tasks
from load_balancers import Balancing
from running import Running
from simulator import Simulator
from stand_in import Answerer, StandIn


def answerers(
    client: Callable[[str], Any], region: str, function: str, tasks: Tasks, layers: Path | None = None
) -> dict[str, Answerer]:
    """The answers about what was deployed, by operation: all but those about the health of targets.

    `layers` is as in `function_answerers`.
    """
    balancing = Balancing(client)
    return {
        "DescribeTasks": describe_tasks(tasks),
        "DescribeTargetGroups": balancing.target_groups,
        "DescribeLoadBalancers": balancing.load_balancers,
        "SimulatePrincipalPolicy": Simulator(client, region).answer,
    } | function_answerers(function, layers)


class Told:
    """The stand-ins of one stack. `start` and `close` come in pairs; `tell` comes after the deployment.

    Health checks are so many times faster than their target groups say.
    """

    def __init__(self, running: Running, faster: float = 1.0) -> None:
        self._running, self._faster = running, faster
        self._health: HealthChecks | None = None
        self._stand_in = StandIn(lambda: running.emulator.port)

    @property
    def endpoint(self) -> str:
        """Where AWS is."""
        return self._stand_in.endpoint

    def start(self) -> None:
        """Begins to answer, with the emulator's own answers for now."""
        self._stand_in.start()

    def tell(self, more: Mapping[str, Answerer] | None = None) -> None:
        """Begins to check targets, and to tell what the emulator does not. `more` are answers to other operations."""
        running, client = self._running, self._running.emulator.client
        self._health = health = HealthChecks(client, self._faster)
        health.start()
        of_stack = answerers(client, running.stack.region, running.stack.function, running.tasks)
        self._stand_in.answer(of_stack | {"DescribeTargetHealth": health.answer} | dict(more or {}))

    def is_decided(self, group: str, target: Target) -> bool:
        """Whether the health checks have told how a registered target is. `tell` must have been called."""
        assert self._health is not None
        return self._health.is_decided(group, target)

    def check(self) -> None:
        """Raises when the health checks have ended by themselves."""
        if self._health is not None and self._health.failure is not None:
            raise self._health.failure

    def close(self) -> None:
        """Ends all, whether it has begun or not."""
        try:
            if self._health is not None:
                self._health.close()
        finally:
            self._stand_in.close()
