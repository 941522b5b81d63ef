/**
 * The dashboard, from the metrics that the function writes itself (`src/core/report/metrics.rs`: namespace `StartEngines`, by
 * `FunctionName`, and by `FunctionName` and `Reason`), from Lambda's, SQS's and the load balancers'.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */

import type { BufferNames } from "./alarms";

/** The namespace of the function's own metrics. */
export const NAMESPACE = "StartEngines";

/** The metrics of one target group; both kinds of load balancers have the same names. */
export interface GroupMetrics {
  /** The name of the target group in the component's arguments. */
  readonly label: string;
  readonly namespace: "AWS/ApplicationELB" | "AWS/NetworkELB";
  readonly targetGroup: string;
  readonly loadBalancer: string;
}

/** The resources that the dashboard shows. */
export interface DashboardArgs {
  readonly region: string;
  readonly functionName: string;
  readonly onFailureQueueName: string;
  readonly ruleDeadLetterQueueName: string;
  /** The queues of buffered mode; empty in direct mode. */
  readonly buffers: readonly BufferNames[];
  readonly groups: readonly GroupMetrics[];
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html */
export const MAX_METRICS_OF_CHART = 500;
/** Of all charts of a dashboard: the same page. */
export const MAX_METRICS = 2500;

const PERIOD_SECONDS = 60;
const WIDTH = 12;
const HEIGHT = 6;

type Metric = readonly unknown[];

/** The dashboard's body. */
export function dashboardBody(args: DashboardArgs) {
  const own = (name: string, stat: string, label: string): Metric => [
    NAMESPACE,
    name,
    "FunctionName",
    args.functionName,
    { stat, label },
  ];
  const byReason = (name: string): Metric => [
    {
      expression: `SEARCH('{${NAMESPACE},FunctionName,Reason} MetricName="${name}" FunctionName="${args.functionName}"', 'Sum', ${PERIOD_SECONDS})`,
      // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html
      label: "${PROP('Dim.Reason')}",
    },
  ];
  const lambda = (name: string, stat: string): Metric => [
    "AWS/Lambda",
    name,
    "FunctionName",
    args.functionName,
    { stat, label: `${name} ${stat}` },
  ];
  const ofQueue = (queueName: string, name: string, label: string): Metric => [
    "AWS/SQS",
    name,
    "QueueName",
    queueName,
    { stat: "Maximum", label },
  ];
  const waiting = ([queueName, label]: readonly [string, string]) =>
    ofQueue(queueName, "ApproximateNumberOfMessagesVisible", label);
  const hosts = (group: GroupMetrics, name: string): Metric => [
    group.namespace,
    name,
    "TargetGroup",
    group.targetGroup,
    "LoadBalancer",
    group.loadBalancer,
    { stat: "Maximum", label: `${group.label} ${name}` },
  ];
  const lag = (name: string) => ["p50", "p99"].map((stat) => own(name, stat, stat));
  const failed: [queueName: string, label: string][] = [
    [args.onFailureQueueName, "on-failure queue"],
    [args.ruleDeadLetterQueueName, "rule dead-letter queue"],
    ...args.buffers.map(({ label, deadLetterQueueName }): [string, string] => [
      deadLetterQueueName,
      `${label} dead-letter queue`,
    ]),
  ];
  const charts: [title: string, metrics: Metric[]][] = [
    [
      "Tasks started",
      [
        own("TasksStarted", "Sum", "started"),
        own("StartsFailed", "Sum", "failed"),
        own("DeadlinesNotSet", "Sum", "deadlines not set"),
      ],
    ],
    ["Tasks stopped", [own("TasksStopped", "Sum", "stopped"), own("TasksDraining", "Sum", "draining")]],
    ["Failed starts by reason", [byReason("StartsFailed")]],
    [
      "Targets",
      [
        own("TargetsRegistered", "Sum", "registered"),
        own("TargetsDeregistered", "Sum", "deregistered"),
        own("TargetsUnknown", "Maximum", "unknown"),
        own("StopsWithoutEc2", "Sum", "stops without EC2"),
      ],
    ],
    [
      "Tasks checked after their registration",
      [
        own("TasksHealthy", "Sum", "healthy"),
        own("TasksUnhealthy", "Sum", "unhealthy"),
        own("ChecksNotScheduled", "Sum", "checks not scheduled"),
      ],
    ],
    ["RUNNING to registered, ms", lag("RegistrationLag")],
    ["Stop to deregistered, ms", lag("DeregistrationLag")],
    ["Events skipped by reason", [byReason("EventsSkipped")]],
    ["Events failed by reason", [byReason("EventsFailed")]],
    ["Outcome events", [own("OutcomeEvents", "Sum", "sent"), own("OutcomeEventsFailed", "Sum", "failed")]],
    ["Events and AWS calls", [own("Events", "Sum", "events"), own("AwsCalls", "Sum", "calls")]],
    ["Function", [lambda("Invocations", "Sum"), lambda("Errors", "Sum"), lambda("Throttles", "Sum")]],
    ["Function, ms", [lambda("Duration", "p50"), lambda("Duration", "Maximum")]],
    ["Messages in the on-failure and dead-letter queues", failed.map(waiting)],
    ...(args.buffers.length === 0 ? [] : bufferCharts()),
    ...targetHealth(),
  ];
  function targetHealth(): [string, Metric[]][] {
    const metrics = args.groups.flatMap((group) => [hosts(group, "HealthyHostCount"), hosts(group, "UnHealthyHostCount")]);
    const count = Math.ceil(metrics.length / MAX_METRICS_OF_CHART);
    return Array.from({ length: count }, (_, n): [string, Metric[]] => [
      count === 1 ? "Targets by health" : `Targets by health, ${n + 1} of ${count}`,
      metrics.slice(n * MAX_METRICS_OF_CHART, (n + 1) * MAX_METRICS_OF_CHART),
    ]);
  }
  function bufferCharts(): [string, Metric[]][] {
    const depth = args.buffers.flatMap(({ label, queueName }) => [
      ofQueue(queueName, "ApproximateNumberOfMessagesVisible", `${label} queue, waiting`),
      ofQueue(queueName, "ApproximateNumberOfMessagesNotVisible", `${label} queue, in flight`),
    ]);
    const age = args.buffers.map(({ label, queueName }) =>
      ofQueue(queueName, "ApproximateAgeOfOldestMessage", `${label} queue`),
    );
    return [["Messages before the function", depth], ["Age of the oldest message before the function, s", age]];
  }
  return {
    widgets: charts.map(([title, metrics], n) => ({
      type: "metric",
      x: (n % 2) * WIDTH,
      y: Math.floor(n / 2) * HEIGHT,
      width: WIDTH,
      height: HEIGHT,
      properties: { title, region: args.region, view: "timeSeries", period: PERIOD_SECONDS, metrics },
    })),
  };
}
