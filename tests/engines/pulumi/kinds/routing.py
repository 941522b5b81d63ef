"""EventBridge and its Scheduler: the bus, rules, targets and schedules."""

from __future__ import annotations

from kinds.kind import Clients, Kind, State, camel
from provider import routing
from provider.resource import Inputs, pascal


def _read_bus(clients: Clients, id: str, _state: State) -> State | None:
    return {"name": clients("events").describe_event_bus(Name=id)["Name"]}


def _rule(state: State) -> dict[str, str]:
    return {"Name": state["name"], "EventBusName": state["eventBusName"]}


def _read_rule(clients: Clients, _id: str, state: State) -> State | None:
    found = clients("events").describe_rule(**_rule(state))
    return {
        "name": found["Name"],
        "eventBusName": found["EventBusName"],
        "description": found["Description"],
        "eventPattern": found["EventPattern"],
        # The program says nothing of it: enabled is the default.
        "state": None if found["State"] == "ENABLED" else found["State"],
    }


def _of_rule(state: State) -> dict[str, str]:
    return {"Rule": state["rule"], "EventBusName": state["eventBusName"]}


def _read_target(clients: Clients, _id: str, state: State) -> State | None:
    targets = clients("events").list_targets_by_rule(**_of_rule(state))["Targets"]
    found = next((each for each in targets if each["Id"] == state["targetId"]), None)
    return found and {
        "rule": state["rule"],
        "eventBusName": state["eventBusName"],
        "targetId": found["Id"],
        "arn": found["Arn"],
        "retryPolicy": camel(found.get("RetryPolicy")),
        "deadLetterConfig": camel(found.get("DeadLetterConfig")),
    }


def _delete_target(clients: Clients, _id: str, state: State) -> None:
    answer = clients("events").remove_targets(**_of_rule(state), Ids=[state["targetId"]])
    if answer["FailedEntryCount"]:
        raise ValueError(f"RemoveTargets failed: {answer['FailedEntries']}")


def _read_group(clients: Clients, id: str, _state: State) -> State | None:
    return {"name": clients("scheduler").get_schedule_group(Name=id)["Name"]}


def _key(state: State) -> dict[str, str]:
    return {"Name": state["name"], "GroupName": state["groupName"]}


def _read_schedule(clients: Clients, _id: str, state: State) -> State | None:
    found = clients("scheduler").get_schedule(**_key(state))
    target = found["Target"]
    return {
        "name": found["Name"],
        "groupName": found["GroupName"],
        "description": found["Description"],
        "scheduleExpression": found["ScheduleExpression"],
        "scheduleExpressionTimezone": found["ScheduleExpressionTimezone"],
        "flexibleTimeWindow": camel(found["FlexibleTimeWindow"]),
        "target": {
            "arn": target["Arn"],
            "roleArn": target["RoleArn"],
            "eventbridgeParameters": camel(target["EventBridgeParameters"]),
            "input": target["Input"],
            "retryPolicy": camel(target["RetryPolicy"]),
            "deadLetterConfig": camel(target["DeadLetterConfig"]),
        },
    }


def _update_schedule(clients: Clients, _id: str, old: State, new: State) -> None:
    target = dict(new["target"])
    parameters = target.pop("eventbridgeParameters")
    clients("scheduler").update_schedule(
        **_key(old),
        Description=new["description"],
        ScheduleExpression=new["scheduleExpression"],
        ScheduleExpressionTimezone=new["scheduleExpressionTimezone"],
        FlexibleTimeWindow=pascal(new["flexibleTimeWindow"]),
        Target=pascal(target) | {"EventBridgeParameters": pascal(parameters)},
    )


def _put_rule(clients: Clients, id: str, _old: State, new: State) -> None:
    routing.event_rule(clients, id, Inputs(new))


def _put_target(clients: Clients, id: str, _old: State, new: State) -> None:
    routing.event_target(clients, id, Inputs(new))


KINDS = {
    "aws:cloudwatch/eventBus:EventBus": Kind(
        document="cloudwatch_event_bus",
        replaces=frozenset({"name"}),
        read=_read_bus,
        delete=lambda clients, id, _: clients("events").delete_event_bus(Name=id),
    ),
    "aws:cloudwatch/eventRule:EventRule": Kind(
        document="cloudwatch_event_rule",
        replaces=frozenset({"name", "eventBusName"}),
        documents=frozenset({"eventPattern"}),
        read=_read_rule,
        update=_put_rule,
        delete=lambda clients, _, state: clients("events").delete_rule(**_rule(state)),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Kind(
        document="cloudwatch_event_target",
        replaces=frozenset({"rule", "eventBusName", "targetId"}),
        read=_read_target,
        update=_put_target,
        delete=_delete_target,
        is_named=False,
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": Kind(
        document="scheduler_schedule_group",
        replaces=frozenset({"name"}),
        read=_read_group,
        delete=lambda clients, id, _: clients("scheduler").delete_schedule_group(Name=id),
    ),
    "aws:scheduler/schedule:Schedule": Kind(
        document="scheduler_schedule",
        replaces=frozenset({"name", "groupName"}),
        read=_read_schedule,
        update=_update_schedule,
        delete=lambda clients, _, state: clients("scheduler").delete_schedule(**_key(state)),
    ),
}
