/** Alarms and dashboard. */

import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as pulumi from "@pulumi/pulumi";

import {
  type Alarm,
  bufferAlarms,
  type BufferNames,
  functionAlarms,
  messagesAlarm,
  outcomesAlarm,
  unhealthyAlarm,
  unhealthySuffix,
  unknownAlarm,
} from "../alarms";
import { DEFAULTS } from "../arguments";
import { metricDimension } from "../arn";
import { bufferOf, KINDS, LABELS } from "../buffered";
import { dashboardBody, type GroupMetrics } from "../dashboard";
import { reconcileExpression } from "../schedules";
import { home, type SettledArgs } from "../settled";
import { type Context, json } from "./context";
import { bufferNames, queueNames } from "./queues";

/** Creates the alarms, unless `alarms.enabled` is false. */
export function createAlarms(context: Context): cloudwatch.MetricAlarm[] {
  const { name, functionName, args, settled } = context;
  const limits = args.alarms ?? {};
  if (limits.enabled === false) return [];
  const create = (suffix: string, of: Omit<pulumi.Inputs, "name">): cloudwatch.MetricAlarm[] => {
    const own = limits.each?.[suffix];
    if (own === false) return [];
    const topicArn = own?.topicArn ?? limits.topicArn;
    const actions = topicArn === undefined ? [] : [topicArn];
    const alarm = new cloudwatch.MetricAlarm(
      `${name}-${suffix}`,
      {
        name: `${functionName}-${suffix}`,
        ...of,
        ...(own?.threshold !== undefined && { threshold: own.threshold }),
        comparisonOperator: "GreaterThanThreshold",
        period: limits.periodSeconds ?? DEFAULTS.alarms.periodSeconds,
        treatMissingData: "notBreaching",
        alarmActions: actions,
        okActions: actions,
        tags: args.tags,
      },
      context.options,
    );
    return [alarm];
  };
  const names = queueNames(functionName);
  const watched = {
    functionName,
    timeout: args.timeout ?? DEFAULTS.timeout,
    onFailureQueueName: names.onFailure,
    ruleDeadLetterQueueName: names.ruleDeadLetters,
  };
  const outcomes = args.outcomeEventBus === undefined ? [] : [outcomesAlarm(functionName)];
  const unknown = reconcileExpression(args) === undefined ? [] : [unknownAlarm(functionName)];
  const buffers = buffersOf(context);
  const messages = buffers.length === 0 ? [] : [messagesAlarm(functionName)];
  const buffered = [...buffers.flatMap((queue) => bufferAlarms(queue, limits)), ...messages];
  const plain = [...functionAlarms(watched, limits), ...outcomes, ...unknown, ...buffered];
  const unhealthy = watchedGroups(args.targetGroups).flatMap((label) => {
    const alarm = settled.apply((known) => {
      const group = groupMetrics(known).find((found) => found.label === label);
      if (group === undefined) throw new Error(`no target group ${label}`);
      return unhealthyAlarm(group, known.alarms ?? {});
    });
    const of = <K extends keyof Alarm>(field: K) => alarm.apply((known) => known[field]);
    return create(unhealthySuffix(label), {
      alarmDescription: of("alarmDescription"),
      namespace: of("namespace"),
      metricName: of("metricName"),
      dimensions: of("dimensions"),
      statistic: of("statistic"),
      threshold: of("threshold"),
      evaluationPeriods: of("evaluationPeriods"),
    });
  });
  return [...plain.flatMap(({ suffix, ...alarm }) => create(suffix, alarm)), ...unhealthy];
}

/** Creates the dashboard, unless `dashboard` is false. */
export function createDashboard(context: Context): void {
  const { name, functionName, args, settled } = context;
  if (args.dashboard === false) return;
  const names = queueNames(functionName);
  const body = settled.apply((known) =>
    dashboardBody({
      region: home(known.clusters).region,
      functionName,
      onFailureQueueName: names.onFailure,
      ruleDeadLetterQueueName: names.ruleDeadLetters,
      buffers: buffersOf(context),
      groups: groupMetrics(known),
    }),
  );
  // One set of dashboards is shown in all regions of an account:
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
  const dashboardName = settled.apply((known) => `${functionName}-${home(known.clusters).region}`);
  new cloudwatch.Dashboard(name, { dashboardName, dashboardBody: json(body) }, context.options);
}

/** The queues of buffered mode, by label and physical names. */
function buffersOf({ functionName, args }: Context): BufferNames[] {
  if (bufferOf(args) === undefined) return [];
  return KINDS.map((kind) => ({ label: LABELS[kind], ...bufferNames(functionName, kind) }));
}

/** The target groups whose load balancer is given: CloudWatch's metrics need both. */
function watchedGroups(groups: Readonly<Record<string, { readonly loadBalancerArn?: unknown }>>): string[] {
  return Object.keys(groups).filter((label) => groups[label]?.loadBalancerArn !== undefined);
}

function groupMetrics(args: Pick<SettledArgs, "targetGroups">): GroupMetrics[] {
  return Object.entries(args.targetGroups).flatMap(([label, group]) => {
    if (group.loadBalancerArn === undefined) return [];
    const loadBalancer = metricDimension(group.loadBalancerArn);
    const namespace = loadBalancer.startsWith("net/") ? "AWS/NetworkELB" : "AWS/ApplicationELB";
    return [{ label, namespace, targetGroup: metricDimension(group.arn), loadBalancer }];
  });
}
