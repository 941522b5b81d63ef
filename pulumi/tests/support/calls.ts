/** The calls that the function makes (`src/aws/`), as IAM sees them: action, resource and condition keys. */

/** One request to AWS. */
export interface Call {
  readonly action: string;
  readonly resource: string;
  readonly keys: Readonly<Record<string, string | string[]>>;
}

const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:111122223333:${resource}`;
const TASK_ID = "0123456789abcdef0123456789abcdef";

export const cluster = (name: string) => arn("ecs", `cluster/${name}`);

export const runTask = (family: string, clusterName: string): Call => ({
  action: "ecs:RunTask",
  resource: arn("ecs", `task-definition/${family}:7`),
  keys: { "ecs:cluster": cluster(clusterName) },
});

export const tagResource = (clusterName: string, by: { action?: string; tagKeys?: string[] }): Call => ({
  action: "ecs:TagResource",
  resource: arn("ecs", `task/${clusterName}/${TASK_ID}`),
  keys: {
    ...(by.action === undefined ? {} : { "ecs:CreateAction": by.action }),
    ...(by.tagKeys === undefined ? {} : { "aws:TagKeys": by.tagKeys }),
  },
});

export const stopTask = (clusterName: string): Call => ({
  action: "ecs:StopTask",
  resource: arn("ecs", `task/${clusterName}/${TASK_ID}`),
  keys: { "ecs:cluster": cluster(clusterName) },
});

export const createSchedule = (group: string, name: string): Call => ({
  action: "scheduler:CreateSchedule",
  resource: arn("scheduler", `schedule/${group}/${name}`),
  keys: {},
});

export const invokeFunction = (name: string): Call => ({
  action: "lambda:InvokeFunction",
  resource: arn("lambda", `function:${name}`),
  keys: {},
});

export const describeTasks = (clusterName: string): Call => ({
  action: "ecs:DescribeTasks",
  resource: arn("ecs", `task/${clusterName}/${TASK_ID}`),
  keys: { "ecs:cluster": cluster(clusterName) },
});

export const listTasks = (clusterName: string): Call => ({
  action: "ecs:ListTasks",
  resource: arn("ecs", `container-instance/${clusterName}/${TASK_ID}`),
  keys: { "ecs:cluster": cluster(clusterName) },
});

export const describeContainerInstances = (clusterName: string): Call => ({
  ...listTasks(clusterName),
  action: "ecs:DescribeContainerInstances",
});

export const describeTaskDefinition = (): Call => ({ action: "ecs:DescribeTaskDefinition", resource: "*", keys: {} });

export const describeInstances = (): Call => ({ action: "ec2:DescribeInstances", resource: "*", keys: {} });

export const onTargets = (operation: "RegisterTargets" | "DeregisterTargets", groupArn: string): Call => ({
  action: `elasticloadbalancing:${operation}`,
  resource: groupArn,
  keys: {},
});

export const describeTargets = (
  operation: "DescribeTargetGroupAttributes" | "DescribeTargetGroups" | "DescribeTargetHealth",
): Call => ({
  action: `elasticloadbalancing:${operation}`,
  resource: "*",
  keys: {},
});

export const passRole = (roleArn: string, to: string): Call => ({
  action: "iam:PassRole",
  resource: roleArn,
  keys: { "iam:PassedToService": to },
});

export const writeLogs = (action: "CreateLogStream" | "PutLogEvents", logGroup: string): Call => ({
  action: `logs:${action}`,
  resource: arn("logs", `log-group:${logGroup}:log-stream:2026/11/20/[$LATEST]abcdef`),
  keys: {},
});

export const onQueue = (action: string, queue: string): Call => ({ action: `sqs:${action}`, resource: arn("sqs", queue), keys: {} });

export const sendMessage = (queue: string, source?: string): Call => ({
  action: "sqs:SendMessage",
  resource: arn("sqs", queue),
  keys: source === undefined ? {} : { "aws:SourceArn": source },
});

export const takeMessages = (
  operation: "ReceiveMessage" | "DeleteMessage" | "GetQueueAttributes",
  queue: string,
): Call => ({ action: `sqs:${operation}`, resource: arn("sqs", queue), keys: {} });

export const putEvents = (bus: string, sources: string[], detailTypes: string[]): Call => ({
  action: "events:PutEvents",
  resource: arn("events", `event-bus/${bus}`),
  keys: { "events:source": sources, "events:detail-type": detailTypes },
});
