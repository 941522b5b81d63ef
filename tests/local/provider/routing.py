"""EventBridge and its Scheduler: the bus, rules, targets and schedules."""

from __future__ import annotations

from provider.resource import Clients, Inputs, Made, pascal, physical_name


def event_bus(clients: Clients, name: str, given: Inputs) -> Made:
    events = clients("events")
    sent = {"Name": physical_name(name, given)}
    arn = events.create_event_bus(**sent)["EventBusArn"]
    return Made(sent["Name"], {"arn": arn, "name": sent["Name"]}, sent, events.describe_event_bus(**sent))


def event_rule(clients: Clients, _name: str, given: Inputs) -> Made:
    events = clients("events")
    key = {"Name": given.take("name"), "EventBusName": given.take("eventBusName")}
    sent = key | {
        "Description": given.take("description"),
        "EventPattern": given.take("eventPattern"),
        "State": "ENABLED",
    }
    arn = events.put_rule(**sent)["RuleArn"]
    id = f"{key['EventBusName']}/{key['Name']}"
    return Made(id, {"arn": arn}, sent, events.describe_rule(**key))


def event_target(clients: Clients, _name: str, given: Inputs) -> Made:
    events = clients("events")
    rule = {"Rule": given.take("rule"), "EventBusName": given.take("eventBusName")}
    target = {
        "Id": given.take("targetId"),
        "Arn": given.take("arn"),
        "RetryPolicy": pascal(given.take("retryPolicy")),
        "DeadLetterConfig": pascal(given.take("deadLetterConfig")),
    }
    answer = events.put_targets(**rule, Targets=[target])
    if answer["FailedEntryCount"]:
        raise ValueError(f"PutTargets failed: {answer['FailedEntries']}")
    kept = events.list_targets_by_rule(**rule)
    return Made(f"{rule['Rule']}-{target['Id']}", {}, {"Targets": [target]}, kept)


def schedule_group(clients: Clients, _name: str, given: Inputs) -> Made:
    scheduler = clients("scheduler")
    sent = {"Name": given.take("name")}
    arn = scheduler.create_schedule_group(**sent)["ScheduleGroupArn"]
    return Made(sent["Name"], {"arn": arn}, sent, scheduler.get_schedule_group(**sent))


def schedule(clients: Clients, _name: str, given: Inputs) -> Made:
    scheduler = clients("scheduler")
    target = given.take("target")
    parameters = target.pop("eventbridgeParameters")
    key = {"Name": given.take("name"), "GroupName": given.take("groupName")}
    sent = key | {
        "Description": given.take("description"),
        "ScheduleExpression": given.take("scheduleExpression"),
        "ScheduleExpressionTimezone": given.take("scheduleExpressionTimezone"),
        "FlexibleTimeWindow": pascal(given.take("flexibleTimeWindow")),
        "Target": pascal(target) | {"EventBridgeParameters": pascal(parameters)},
    }
    arn = scheduler.create_schedule(**sent)["ScheduleArn"]
    id = f"{key['GroupName']}/{key['Name']}"
    return Made(id, {"arn": arn}, sent, scheduler.get_schedule(**key))


MAKERS = {
    "aws:cloudwatch/eventBus:EventBus": event_bus,
    "aws:cloudwatch/eventRule:EventRule": event_rule,
    "aws:cloudwatch/eventTarget:EventTarget": event_target,
    "aws:scheduler/scheduleGroup:ScheduleGroup": schedule_group,
    "aws:scheduler/schedule:Schedule": schedule,
}
