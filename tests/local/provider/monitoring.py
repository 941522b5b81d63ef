"""CloudWatch: log groups, alarms and the dashboard."""

from __future__ import annotations

from provider.resource import Clients, Inputs, Made, given_only, pairs, physical_name


def log_group(clients: Clients, name: str, given: Inputs) -> Made:
    logs = clients("logs")
    name = physical_name(name, given)
    sent = {"logGroupName": name, "retentionInDays": given.take("retentionInDays")}
    logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(**sent)
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    kept = next(group for group in groups if group["logGroupName"] == name)
    arn = kept["arn"].removesuffix(":*")
    return Made(name, {"arn": arn, "name": name}, sent, kept)


def metric_alarm(clients: Clients, _name: str, given: Inputs) -> Made:
    cloudwatch = clients("cloudwatch")
    name = given.take("name")
    sent = given_only(
        AlarmName=name,
        AlarmDescription=given.take("alarmDescription"),
        Namespace=given.take("namespace"),
        MetricName=given.take("metricName"),
        Dimensions=pairs(given.take("dimensions"), "Name"),
        Statistic=given.take("statistic"),
        ExtendedStatistic=given.take("extendedStatistic"),
        ComparisonOperator=given.take("comparisonOperator"),
        Threshold=given.take("threshold"),
        Period=given.take("period"),
        EvaluationPeriods=given.take("evaluationPeriods"),
        TreatMissingData=given.take("treatMissingData"),
        AlarmActions=given.take("alarmActions"),
        OKActions=given.take("okActions"),
    )
    cloudwatch.put_metric_alarm(**sent)
    kept = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    return Made(name, {"arn": kept["AlarmArn"]}, sent, kept)


def dashboard(clients: Clients, _name: str, given: Inputs) -> Made:
    cloudwatch = clients("cloudwatch")
    sent = {
        "DashboardName": given.take("dashboardName"),
        "DashboardBody": given.take("dashboardBody"),
    }
    problems = cloudwatch.put_dashboard(**sent).get("DashboardValidationMessages")
    if problems:
        raise ValueError(f"PutDashboard: {problems}")
    kept = cloudwatch.get_dashboard(DashboardName=sent["DashboardName"])
    return Made(sent["DashboardName"], {}, sent, kept)


MAKERS = {
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": metric_alarm,
    "aws:cloudwatch/dashboard:Dashboard": dashboard,
}
