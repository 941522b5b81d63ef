/**
 * The alarms, as data.
 *
 * Metrics of Lambda: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 * of SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 * of load balancers: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
 */

import { type AlarmArgs, DEFAULTS } from "./arguments";
import { KINDS, LABELS } from "./buffered";
import { type GroupMetrics, NAMESPACE } from "./dashboard";

/** One alarm, in `aws.cloudwatch.MetricAlarm`'s terms. */
export interface Alarm {
  /** The end of its name. */
  readonly suffix: string;
  readonly alarmDescription: string;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Record<string, string>;
  readonly statistic?: "Sum" | "Maximum";
  readonly extendedStatistic?: string;
  readonly threshold: number;
  readonly evaluationPeriods: number;
}

/** The function and its two queues. */
export interface Watched {
  readonly functionName: string;
  /** In seconds. */
  readonly timeout: number;
  readonly onFailureQueueName: string;
  readonly ruleDeadLetterQueueName: string;
}

/** A queue of buffered mode, and its dead-letter queue. */
export interface BufferNames {
  /** What alarms and charts call it: `request` or `state-change`. */
  readonly label: string;
  readonly queueName: string;
  readonly deadLetterQueueName: string;
}

/** What decides which alarms there are. */
export interface Alarmed {
  readonly outcomes: boolean;
  readonly reconciles: boolean;
  readonly buffered: boolean;
  /** The target groups with a load balancer. */
  readonly groups: readonly string[];
}

/** The suffixes of all alarms. */
export function alarmSuffixes({ outcomes, reconciles, buffered, groups }: Alarmed): string[] {
  const watched = { functionName: "", timeout: 0, onFailureQueueName: "", ruleDeadLetterQueueName: "" };
  const queues = KINDS.map((kind) => ({ label: LABELS[kind], queueName: "", deadLetterQueueName: "" }));
  const alarms = [
    ...functionAlarms(watched, {}),
    ...(outcomes ? [outcomesAlarm("")] : []),
    ...(reconciles ? [unknownAlarm("")] : []),
    ...(buffered ? [...queues.flatMap((queue) => bufferAlarms(queue, {})), messagesAlarm("")] : []),
  ];
  return [...alarms.map(({ suffix }) => suffix), ...groups.map(unhealthySuffix)];
}

/** The suffix of the alarm on unhealthy targets of a target group. */
export function unhealthySuffix(group: string): string {
  return `unhealthy-${group}`;
}

/** Alarms whose threshold is an argument for itself, in other units than the metric's. */
export const LIMITED_BY: Readonly<Record<string, keyof AlarmArgs>> = {
  duration: "durationPercent",
  "registration-lag": "registrationLagSeconds",
  "request-queue-age": "bufferAgeSeconds",
  "state-change-queue-age": "bufferAgeSeconds",
};

const MILLIS = 1000;

/** Alarm when a queue that should be empty has messages. */
function notEmpty(queueName: string) {
  return {
    namespace: "AWS/SQS",
    metricName: "ApproximateNumberOfMessagesVisible",
    dimensions: { QueueName: queueName },
    statistic: "Maximum",
    threshold: 0,
    evaluationPeriods: 1,
  } as const;
}

/** The alarms of the function and its two queues, raised above the threshold; missing data is no alarm. */
export function functionAlarms(context: Watched, args: AlarmArgs): Alarm[] {
  const durationPercent = args.durationPercent ?? DEFAULTS.alarms.durationPercent;
  const registrationLagSeconds = args.registrationLagSeconds ?? DEFAULTS.alarms.registrationLagSeconds;
  const { timeout } = context;
  const ofFunction = { dimensions: { FunctionName: context.functionName }, evaluationPeriods: 1 };
  const lambda = { ...ofFunction, namespace: "AWS/Lambda", statistic: "Sum", threshold: 0 } as const;
  return [
    {
      ...lambda,
      suffix: "errors",
      alarmDescription: "Invocations of the function fail; errorType in its log says why.",
      metricName: "Errors",
    },
    {
      ...lambda,
      suffix: "throttles",
      alarmDescription: "The function's concurrency is used up; Lambda retries for up to six hours.",
      metricName: "Throttles",
    },
    {
      ...lambda,
      suffix: "failures-lost",
      alarmDescription: "Lambda could not send a failed event to the on-failure queue: it is lost.",
      metricName: "DestinationDeliveryFailures",
    },
    {
      ...ofFunction,
      suffix: "duration",
      alarmDescription: `An invocation took more than ${durationPercent} % of the timeout of ${timeout} s.`,
      namespace: "AWS/Lambda",
      metricName: "Duration",
      statistic: "Maximum",
      threshold: (timeout * MILLIS * durationPercent) / 100,
    },
    {
      ...notEmpty(context.ruleDeadLetterQueueName),
      suffix: "rule-dead-letter-queue",
      alarmDescription: "EventBridge could not deliver events to the function; they wait in the rule dead-letter queue.",
    },
    {
      ...notEmpty(context.onFailureQueueName),
      suffix: "on-failure-queue",
      alarmDescription: "Events failed for good; they wait in the on-failure queue with errorType and reason.",
    },
    {
      ...ofFunction,
      suffix: "starts-failed",
      alarmDescription: "Starts failed, or tasks stopped before they ran.",
      namespace: NAMESPACE,
      metricName: "StartsFailed",
      statistic: "Sum",
      threshold: 0,
    },
    {
      ...ofFunction,
      suffix: "deadlines-not-set",
      alarmDescription: "Tasks run without the deadlines that their starts requested; their events are retried.",
      namespace: NAMESPACE,
      metricName: "DeadlinesNotSet",
      statistic: "Sum",
      threshold: 0,
    },
    {
      ...ofFunction,
      suffix: "tasks-unhealthy",
      alarmDescription: "Tasks were not healthy when they were checked after their registration: they get no requests.",
      namespace: NAMESPACE,
      metricName: "TasksUnhealthy",
      statistic: "Sum",
      threshold: 0,
    },
    {
      ...ofFunction,
      suffix: "stops-without-ec2",
      alarmDescription:
        "Only ECS was searched for who has an address now, which is slow with many tasks: allow ec2:DescribeNetworkInterfaces to the function.",
      namespace: NAMESPACE,
      metricName: "StopsWithoutEc2",
      statistic: "Sum",
      threshold: 0,
    },
    {
      ...ofFunction,
      suffix: "registration-lag",
      alarmDescription: `From RUNNING to the registered target it took more than ${registrationLagSeconds} s (p99).`,
      namespace: NAMESPACE,
      metricName: "RegistrationLag",
      extendedStatistic: "p99",
      threshold: registrationLagSeconds * MILLIS,
    },
  ];
}

/** The alarm on outcome events, if there is a bus for them. */
export function outcomesAlarm(functionName: string): Alarm {
  return {
    suffix: "outcome-events-failed",
    alarmDescription: "PutEvents failed for outcome events; what they report was done.",
    namespace: NAMESPACE,
    metricName: "OutcomeEventsFailed",
    dimensions: { FunctionName: functionName },
    statistic: "Sum",
    threshold: 0,
    evaluationPeriods: 1,
  };
}

/** The alarm on unknown targets, if there is a reconcile schedule. */
export function unknownAlarm(functionName: string): Alarm {
  return {
    suffix: "targets-unknown",
    alarmDescription: "A reconcile found targets of no known task, and left them alone; its log line names them.",
    namespace: NAMESPACE,
    metricName: "TargetsUnknown",
    dimensions: { FunctionName: functionName },
    statistic: "Maximum",
    threshold: 0,
    evaluationPeriods: 1,
  };
}

/** The alarms of one queue of buffered mode and its dead-letter queue. */
export function bufferAlarms(queue: BufferNames, args: AlarmArgs): Alarm[] {
  const seconds = args.bufferAgeSeconds ?? DEFAULTS.alarms.bufferAgeSeconds;
  return [
    {
      ...notEmpty(queue.queueName),
      suffix: `${queue.label}-queue-age`,
      alarmDescription: `A message waits in the ${queue.label} queue for more than ${seconds} s: too much load, or it fails again and again.`,
      metricName: "ApproximateAgeOfOldestMessage",
      threshold: seconds,
    },
    {
      ...notEmpty(queue.deadLetterQueueName),
      suffix: `${queue.label}-dead-letter-queue`,
      alarmDescription: `Messages failed for good; they wait in the ${queue.label} dead-letter queue. Their reasons are in the function's log, by messageId.`,
    },
  ];
}

/** Failed messages of buffered mode: an invocation that reports them is no error to Lambda. */
export function messagesAlarm(functionName: string): Alarm {
  return {
    suffix: "messages-failed",
    alarmDescription: "Messages failed, and SQS delivers them again; reason and error in the function's log say why.",
    namespace: NAMESPACE,
    metricName: "EventsFailed",
    dimensions: { FunctionName: functionName },
    statistic: "Sum",
    threshold: 0,
    evaluationPeriods: 1,
  };
}

/** The alarm on unhealthy targets of a target group. */
export function unhealthyAlarm(group: GroupMetrics, args: AlarmArgs): Alarm {
  return {
    suffix: unhealthySuffix(group.label),
    alarmDescription: `Targets in ${group.label} fail their health checks.`,
    namespace: group.namespace,
    metricName: "UnHealthyHostCount",
    dimensions: { TargetGroup: group.targetGroup, LoadBalancer: group.loadBalancer },
    statistic: "Maximum",
    threshold: 0,
    evaluationPeriods: args.unhealthyPeriods ?? DEFAULTS.alarms.unhealthyPeriods,
  };
}
