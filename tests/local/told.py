"""What AWS tells and the emulator does not, told before one stack: the stand-ins, at one endpoint. Local only.

The function and the command have AWS there. Must not know what is shown of the stack.
"""

from __future__ import annotations

from collections.abc import Mapping

from function_told import get_function, places
from health import HealthChecks
from interfaces import describe_tasks
from load_balancers import Balancing
from running import Running
from simulator import Simulator
from stand_in import Answerer, StandIn


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
        balancing = Balancing(client)
        answerers: dict[str, Answerer] = {
            "DescribeTasks": describe_tasks(running.tasks),
            "DescribeTargetHealth": health.answer,
            "DescribeTargetGroups": balancing.target_groups,
            "DescribeLoadBalancers": balancing.load_balancers,
            "SimulatePrincipalPolicy": Simulator(client, running.stack.region).answer,
        }
        of_function = dict.fromkeys(places(running.stack.function), get_function)
        self._stand_in.answer(answerers | of_function | dict(more or {}))

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
