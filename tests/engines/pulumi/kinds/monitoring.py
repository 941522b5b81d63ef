"""CloudWatch: log groups, alarms and the dashboard."""

from __future__ import annotations

from kinds.kind import Clients, Kind, State, camel, mapping
from provider import monitoring
from provider.resource import Inputs

# As AWS names them, but for the first letter.
_ALARM_INPUTS = (
    "alarmDescription",
    "namespace",
    "metricName",
    "statistic",
    "extendedStatistic",
    "comparisonOperator",
    "threshold",
    "period",
    "evaluationPeriods",
    "treatMissingData",
    "alarmActions",
)


def _read_log_group(clients: Clients, id: str, _state: State) -> State | None:
    groups = clients("logs").describe_log_groups(logGroupNamePrefix=id)["logGroups"]
    found = next((each for each in groups if each["logGroupName"] == id), None)
    return found and {"name": id, "retentionInDays": found.get("retentionInDays")}


def _update_log_group(clients: Clients, id: str, _old: State, new: State) -> None:
    clients("logs").put_retention_policy(logGroupName=id, retentionInDays=new["retentionInDays"])


def _read_alarm(clients: Clients, id: str, _state: State) -> State | None:
    alarms = clients("cloudwatch").describe_alarms(AlarmNames=[id])["MetricAlarms"]
    if not alarms:
        return None
    kept = camel(alarms[0])
    if "extendedStatistic" in kept:
        # The emulator shows a statistic beside it, which AWS does not.
        kept.pop("statistic", None)
    return {name: kept.get(name) for name in _ALARM_INPUTS} | {
        "name": id,
        "dimensions": mapping(alarms[0].get("Dimensions"), "Name"),
        "okActions": alarms[0].get("OKActions"),
    }


def _read_dashboard(clients: Clients, id: str, _state: State) -> State | None:
    found = clients("cloudwatch").get_dashboard(DashboardName=id)
    return {"dashboardName": id, "dashboardBody": found["DashboardBody"]}


def _put_alarm(clients: Clients, id: str, _old: State, new: State) -> None:
    monitoring.metric_alarm(clients, id, Inputs(new))


def _put_dashboard(clients: Clients, id: str, _old: State, new: State) -> None:
    monitoring.dashboard(clients, id, Inputs(new))


KINDS = {
    "aws:cloudwatch/logGroup:LogGroup": Kind(
        document="cloudwatch_log_group",
        replaces=frozenset({"name"}),
        read=_read_log_group,
        update=_update_log_group,
        delete=lambda clients, id, _: clients("logs").delete_log_group(logGroupName=id),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Kind(
        document="cloudwatch_metric_alarm",
        replaces=frozenset({"name"}),
        sets=frozenset({"alarmActions", "okActions"}),
        read=_read_alarm,
        update=_put_alarm,
        delete=lambda clients, id, _: clients("cloudwatch").delete_alarms(AlarmNames=[id]),
    ),
    "aws:cloudwatch/dashboard:Dashboard": Kind(
        document="cloudwatch_dashboard",
        replaces=frozenset({"dashboardName"}),
        documents=frozenset({"dashboardBody"}),
        read=_read_dashboard,
        update=_put_dashboard,
        delete=lambda clients, id, _: clients("cloudwatch").delete_dashboards(DashboardNames=[id]),
        is_named=False,
    ),
}
