"""What the demo needs of the deployed stack, read from its outputs and resources.

Must not call anything, and must not contain a value that the program decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from provider import Provider

# The service of the example that the demo starts: it is behind both load balancers.
SERVICE = "auth"
# And the one whose engine does not get healthy.
UNSOUND_SERVICE = "billing"
COMPONENT = "start-engines"


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule and its bus."""

    name: str
    bus: str


@dataclass(frozen=True)
class Buffer:
    """A queue between a rule and the function."""

    queue_arn: str
    queue_url: str
    dead_letter_queue_url: str
    visibility_seconds: int
    max_receives: int
    batch_size: int
    window_seconds: int
    concurrency: int


@dataclass(frozen=True)
class Buffers:
    """Both of them."""

    requests: Buffer
    state_changes: Buffer


@dataclass(frozen=True)
class Stack:
    """Names, ARNs and addresses of what was deployed."""

    region: str
    account: str
    source: str
    cluster: str
    subnet: str
    container: str
    port: int
    # The Application Load Balancer's first.
    target_groups: tuple[str, str]
    # Of `UNSOUND_SERVICE`.
    unsound_container: str
    unsound_target_group: str
    load_balancer_dns: str
    path: str
    function: str
    log_group: str
    start_rule: Rule
    state_rule: Rule
    retries: int
    on_failure_queue_url: str
    rule_dead_letter_queue_url: str
    # Set in buffered mode only.
    buffers: Buffers | None


def read(outputs: dict[str, Any], provider: Provider) -> Stack:
    """The stack, as the program and the provider left it."""

    def state(kind: str, name: str) -> dict[str, Any]:
        found = (
            made
            for made in provider.resources
            if made.type.endswith(f":{kind}") and made.name == name
        )
        return next(found).state

    start, change = (state("EventRule", f"{COMPONENT}-{it}") for it in ("requests", "state-change"))
    container, unsound = (
        json.loads(state("TaskDefinition", name)["containerDefinitions"])[0]
        for name in (SERVICE, UNSOUND_SERVICE)
    )
    groups = (state("TargetGroup", name)["arn"] for name in (SERVICE, f"{SERVICE}-tcp"))
    paths = state("ListenerRule", SERVICE)["conditions"][0]["pathPattern"]["values"]
    region, account = outputs["functionArn"].split(":")[3:5]
    return Stack(
        region=region,
        account=account,
        source=json.loads(start["eventPattern"])["source"][0],
        cluster=outputs["clusterArn"],
        subnet=next(made.id for made in provider.resources if made.type.endswith(":Subnet")),
        container=container["name"],
        port=container["portMappings"][0]["containerPort"],
        target_groups=(next(groups), next(groups)),
        unsound_container=unsound["name"],
        unsound_target_group=state("TargetGroup", UNSOUND_SERVICE)["arn"],
        load_balancer_dns=urlsplit(outputs["url"]).netloc,
        path=next(path for path in paths if path.endswith("/*")).removesuffix("*"),
        function=outputs["functionName"],
        log_group=state("LogGroup", COMPONENT)["name"],
        start_rule=Rule(start["name"], start["eventBusName"]),
        state_rule=Rule(change["name"], change["eventBusName"]),
        retries=state("FunctionEventInvokeConfig", COMPONENT)["maximumRetryAttempts"],
        on_failure_queue_url=outputs["onFailureQueueUrl"],
        rule_dead_letter_queue_url=outputs["ruleDeadLetterQueueUrl"],
        buffers=_buffers(outputs, state) if "requestQueueUrl" in outputs else None,
    )


State = Callable[[str, str], dict[str, Any]]


def _buffers(outputs: dict[str, Any], state: State) -> Buffers:
    return Buffers(
        requests=_buffer(outputs, "request", state, f"{COMPONENT}-requests"),
        state_changes=_buffer(outputs, "stateChange", state, f"{COMPONENT}-state-changes"),
    )


def _buffer(outputs: dict[str, Any], output: str, state: State, name: str) -> Buffer:
    queue, mapping = state("Queue", name), state("EventSourceMapping", name)
    return Buffer(
        queue_arn=queue["arn"],
        queue_url=outputs[f"{output}QueueUrl"],
        dead_letter_queue_url=outputs[f"{output}DeadLetterQueueUrl"],
        visibility_seconds=int(queue["visibilityTimeoutSeconds"]),
        max_receives=int(json.loads(queue["redrivePolicy"])["maxReceiveCount"]),
        batch_size=int(mapping["batchSize"]),
        window_seconds=int(mapping["maximumBatchingWindowInSeconds"]),
        concurrency=int(mapping["scalingConfig"]["maximumConcurrency"]),
    )
