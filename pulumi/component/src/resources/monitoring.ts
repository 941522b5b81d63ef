/** Alarms and dashboard. */

import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as pulumi from "@pulumi/pulumi";

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
import type { PlainArgs } from "../withoutResources";
import { type Context, json } from "./context";
import { bufferNames, queueNames } from "./queues";

/** Creates the alarms, unless `alarms.enabled` is false. */
export function createAlarms(context: Context): cloudwatch.MetricAlarm[] {
  const { name, functionName, args } = context;
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
  const unhealthy = watchedGroups(args).flatMap(([label, group]) => {
    const alarm = group.apply((known) => unhealthyAlarm(known, limits));
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
  const { name, functionName, args, home } = context;
  if (args.dashboard === false) return;
  const names = queueNames(functionName);
  const body = pulumi.all([home, pulumi.all(watchedGroups(args).map(([, group]) => group))]).apply(([{ region }, groups]) =>
    dashboardBody({
      region,
      functionName,
      onFailureQueueName: names.onFailure,
      ruleDeadLetterQueueName: names.ruleDeadLetters,
      buffers: buffersOf(context),
      groups,
    }),
  );
  // One set of dashboards is shown in all regions of an account:
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
  const dashboardName = home.apply(({ region }) => `${functionName}-${region}`);
  new cloudwatch.Dashboard(name, { dashboardName, dashboardBody: json(body) }, context.options);
}

/** The queues of buffered mode, by label and physical names. */
function buffersOf({ functionName, args }: Context): BufferNames[] {
  if (bufferOf(args) === undefined) return [];
  return KINDS.map((kind) => ({ label: LABELS[kind], ...bufferNames(functionName, kind) }));
}

/** The target groups whose load balancer is given: CloudWatch's metrics need both. */
function watchedGroups({ targetGroups }: PlainArgs): [label: string, metrics: pulumi.Output<GroupMetrics>][] {
  return Object.entries(targetGroups).flatMap(([label, { arn, loadBalancerArn }]) => {
    if (loadBalancerArn === undefined) return [];
    const metrics = pulumi.all([arn, loadBalancerArn]).apply(([groupArn, balancerArn]): GroupMetrics => {
      const loadBalancer = metricDimension(balancerArn);
      const namespace = loadBalancer.startsWith("net/") ? "AWS/NetworkELB" : "AWS/ApplicationELB";
      return { label, namespace, targetGroup: metricDimension(groupArn), loadBalancer };
    });
    return [[label, metrics]];
  });
}
