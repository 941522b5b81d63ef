/** The calls that the function makes (`src/aws/`), as IAM sees them: action, what the resource has in it, condition keys. */

import type { Call } from "./authorization";

export type { Call } from "./authorization";

const ID = "0123456789abcdef0123456789abcdef";

export const cluster = (name: string) => `arn:aws:ecs:us-east-1:111122223333:cluster/${name}`;

export const runTask = (family: string, clusterName: string): Call => ({
  action: "ecs:RunTask",
  parts: { TaskDefinitionFamilyName: family, TaskDefinitionRevisionNumber: "7" },
  keys: { "ecs:cluster": cluster(clusterName) },
});

export const tagResource = (clusterName: string, by: { action?: string; tagKeys?: string[] }): Call => ({
  action: "ecs:TagResource",
  type: "task",
  parts: { ClusterName: clusterName, TaskId: ID },
  keys: {
    ...(by.action === undefined ? {} : { "ecs:CreateAction": by.action }),
    ...(by.tagKeys === undefined ? {} : { "aws:TagKeys": by.tagKeys }),
  },
});

/** Of a cluster, with all ids that its resources have. */
const inCluster = (operation: string) => (clusterName: string): Call => ({
  action: `ecs:${operation}`,
  parts: { ClusterName: clusterName, TaskId: ID, ContainerInstanceId: ID },
  keys: { "ecs:cluster": cluster(clusterName) },
});

export const stopTask = inCluster("StopTask");
export const describeTasks = inCluster("DescribeTasks");
export const listTasks = inCluster("ListTasks");
export const describeContainerInstances = inCluster("DescribeContainerInstances");

export const createSchedule = (group: string, name: string): Call => ({
  action: "scheduler:CreateSchedule",
  parts: { GroupName: group, ScheduleName: name },
  keys: {},
});

export const invokeFunction = (name: string): Call => ({
  action: "lambda:InvokeFunction",
  parts: { FunctionName: name },
  keys: {},
});

export const describeTaskDefinition = (): Call => ({
  action: "ecs:DescribeTaskDefinition",
  parts: { TaskDefinitionFamilyName: "auth", TaskDefinitionRevisionNumber: "7" },
  keys: {},
});

export const describeInstances = (): Call => ({
  action: "ec2:DescribeInstances",
  parts: { InstanceId: "i-0123456789abcdef0" },
  keys: {},
});

export const describeNetworkInterfaces = (): Call => ({
  action: "ec2:DescribeNetworkInterfaces",
  parts: { NetworkInterfaceId: "eni-0123456789abcdef0" },
  keys: {},
});

export const onTargets = (operation: "RegisterTargets" | "DeregisterTargets", groupArn: string): Call => {
  const [, name = "", id = ""] = groupArn.split("/");
  return {
    action: `elasticloadbalancing:${operation}`,
    parts: { TargetGroupName: name, TargetGroupId: id },
    keys: {},
  };
};

export const describeTargets = (
  operation: "DescribeTargetGroupAttributes" | "DescribeTargetGroups" | "DescribeTargetHealth",
): Call => ({ action: `elasticloadbalancing:${operation}`, parts: {}, keys: {} });

export const passRole = (roleArn: string, to: string): Call => ({
  action: "iam:PassRole",
  parts: { RoleNameWithPath: roleArn.slice(roleArn.indexOf("/") + 1) },
  keys: { "iam:PassedToService": to },
});

export const writeLogs = (action: "CreateLogStream" | "PutLogEvents", logGroup: string): Call => ({
  action: `logs:${action}`,
  parts: { LogGroupName: logGroup, LogStreamName: "2026/11/20/[$LATEST]abcdef" },
  keys: {},
});

export const readLog = (logGroup: string): Call => ({
  action: "logs:FilterLogEvents",
  parts: { LogGroupName: logGroup },
  keys: {},
});

export const getSchedule = (group: string, name: string): Call => ({
  ...createSchedule(group, name),
  action: "scheduler:GetSchedule",
});

export const onQueue = (action: string, queue: string): Call => ({
  action: `sqs:${action}`,
  parts: { QueueName: queue },
  keys: {},
});

export const sendMessage = (queue: string, source?: string): Call => ({
  ...onQueue("SendMessage", queue),
  keys: source === undefined ? {} : { "aws:SourceArn": source },
});

export const takeMessages = (
  operation: "ReceiveMessage" | "DeleteMessage" | "GetQueueAttributes",
  queue: string,
): Call => onQueue(operation, queue);

export const putEvents = (bus: string, sources: string[], detailTypes: string[]): Call => ({
  action: "events:PutEvents",
  type: "event-bus",
  parts: { EventBusName: bus },
  keys: { "events:source": sources, "events:detail-type": detailTypes },
});

/** What Lambda does with the function's role for a function in a VPC. */
export const onInterface = (operation: string, type: "network-interface" | "subnet" | "security-group" = "network-interface"): Call => ({
  action: `ec2:${operation}`,
  type,
  parts: { NetworkInterfaceId: "eni-0123456789abcdef0", SubnetId: "subnet-0a1b2c3d4e5f60718", SecurityGroupId: "sg-0a1b2c3d4e5f60718" },
  keys: {},
});

export const describeSubnets = (): Call => ({ action: "ec2:DescribeSubnets", parts: { SubnetId: "subnet-0a1b2c3d4e5f60718" }, keys: {} });

export const sendTraces = (operation: "PutTraceSegments" | "PutTelemetryRecords"): Call => ({
  action: `xray:${operation}`,
  parts: {},
  keys: {},
});

/** The use of a key, by its ARN, with what KMS knows of it. */
export const onKey = (operation: "GenerateDataKey" | "Decrypt" | "Encrypt", keyArn: string, keys: Call["keys"]): Call => ({
  action: `kms:${operation}`,
  type: "key",
  parts: { KeyId: keyArn.slice(keyArn.indexOf("/") + 1) },
  keys,
});
