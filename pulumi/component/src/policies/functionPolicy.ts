/**
 * What the function's role may do: exactly the calls of `src/aws/`, on exactly what the arguments name.
 *
 * Actions, resource types and condition keys:
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html,
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html,
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html,
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html and
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
 */

import { arnIn, clusterName, type Scope } from "../arn";
import { OUTCOME_DETAIL_TYPES, OUTCOME_SOURCE } from "../outcomeEvents";
import { document, type PolicyDocument, type Statement } from "./document";
import { putEvents } from "./putEventsPolicy";

/** The inputs of the policy. */
export interface FunctionPolicyArgs {
  /** The account and region of all resources. */
  readonly scope: Scope;
  readonly clusterArns: readonly string[];
  /** Families, or their beginnings with a trailing `*`; so are target groups and roles. */
  readonly taskFamilies: readonly string[];
  readonly targetGroupArns: readonly string[];
  /** Task roles and execution roles. */
  readonly taskRoleArns: readonly string[];
  /** Roles with which ECS manages EBS volumes. */
  readonly infrastructureRoleArns: readonly string[];
  /** The bus that outcome events go to, if there is one. */
  readonly outcomeEventBusArn?: string | undefined;
  readonly logGroupArn: string;
  readonly onFailureQueueArn: string;
  /** The request queue and the state-change queue, from which Lambda gets batches. */
  readonly bufferQueueArns: readonly string[];
  /** The schedule group of the function's own one-time schedules, by name. */
  readonly scheduleGroup: string;
  /** The role with which Scheduler invokes the function. */
  readonly laterRoleArn: string;
  /** `furtherStatements.ts`. */
  readonly further?: readonly Statement[] | undefined;
}

/** The names of the function's own schedules begin with this: `src/core/decide/schedules.rs`. */
export const OWN_SCHEDULES = "start-engines-";
/** The tag of a task that drains: `src/core/domain/tags.rs`. */
const STOP_AT_TAG = "start-engines:stop-at";

/** Unneeded policies repeat this statement (`spread.ts`): IAM has no narrower resource for it, and it reads only. */
export const SEE_TASK_DEFINITIONS: Statement = {
  Sid: "SeeTaskDefinitions",
  Effect: "Allow",
  // In network mode host a task has no ports in DescribeTasks: only its task definition has them.
  Action: ["ecs:DescribeTaskDefinition"],
  // IAM has no resource type for it
  // (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html):
  // any other resource would deny it.
  Resource: "*",
};

/** What the function's role may do, as one document; `spread.ts` makes policies of it. */
export function functionPolicy(args: FunctionPolicyArgs): PolicyDocument {
  const { scope, clusterArns } = args;
  const inClusters = { ArnEquals: { "ecs:cluster": [...clusterArns] } };
  const inEach = (resource: string) =>
    clusterArns.map((cluster) => arnIn(scope, "ecs", `${resource}/${clusterName(cluster)}/*`));
  return document(
    {
      Sid: "StartTasks",
      Effect: "Allow",
      Action: ["ecs:RunTask"],
      // Any revision of these families.
      Resource: args.taskFamilies.map((family) => arnIn(scope, "ecs", `task-definition/${family}:*`)),
      Condition: inClusters,
    },
    {
      Sid: "TagTasksOnStart",
      Effect: "Allow",
      Action: ["ecs:TagResource"],
      Resource: inEach("task"),
      Condition: { StringEquals: { "ecs:CreateAction": "RunTask" } },
    },
    {
      Sid: "TagDrainingTasks",
      Effect: "Allow",
      Action: ["ecs:TagResource"],
      Resource: inEach("task"),
      Condition: { "ForAllValues:StringEquals": { "aws:TagKeys": [STOP_AT_TAG] }, Null: { "aws:TagKeys": "false" } },
    },
    {
      Sid: "SeeAndStopTasks",
      Effect: "Allow",
      Action: ["ecs:DescribeTasks", "ecs:StopTask", "ecs:DescribeContainerInstances"],
      // Their ARNs have the cluster: a condition would only name it again.
      Resource: [...inEach("task"), ...inEach("container-instance")],
    },
    {
      Sid: "ScheduleLater",
      Effect: "Allow",
      Action: ["scheduler:CreateSchedule"],
      Resource: [arnIn(scope, "scheduler", `schedule/${args.scheduleGroup}/${OWN_SCHEDULES}*`)],
    },
    {
      Sid: "ListTasks",
      Effect: "Allow",
      Action: ["ecs:ListTasks"],
      // The Service Authorization Reference names the container instance, which a call may filter by. Where it names none, AWS
      // has been seen to authorize on `*` instead: https://github.com/cdklabs/construct-hub/pull/1207,
      // https://github.com/widdix/complete-aws-iam-reference/issues/74, https://github.com/fabfuel/ecs-deploy/issues/119, and
      // aws-cdk's own hook that drains instances. `*` with the condition is right either way.
      Resource: "*",
      Condition: inClusters,
    },
    SEE_TASK_DEFINITIONS,
    {
      Sid: "SeeInstances",
      Effect: "Allow",
      Action: ["ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces"],
      // IAM has no resource type for these: any other resource would deny them.
      Resource: "*",
    },
    {
      Sid: "AttachTargets",
      Effect: "Allow",
      Action: ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
      Resource: [...args.targetGroupArns],
    },
    {
      Sid: "SeeTargets",
      Effect: "Allow",
      Action: [
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
      ],
      // IAM has no resource type for these: any other resource would deny them.
      Resource: "*",
    },
    ...passRoles("PassTaskRoles", args.taskRoleArns, "ecs-tasks.amazonaws.com"),
    ...passRoles("PassInfrastructureRoles", args.infrastructureRoleArns, "ecs.amazonaws.com"),
    ...passRoles("PassLaterRole", [args.laterRoleArn], "scheduler.amazonaws.com"),
    ...putOutcomeEvents(args.outcomeEventBusArn),
    {
      Sid: "WriteLogs",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: [`${args.logGroupArn}:*`],
    },
    {
      Sid: "SendToOnFailureQueue",
      Effect: "Allow",
      Action: ["sqs:SendMessage"],
      Resource: [args.onFailureQueueArn],
    },
    ...takeMessages(args.bufferQueueArns),
    ...(args.further ?? []),
  );
}

/** With its own source only: never as an application, whose events start and stop tasks. */
function putOutcomeEvents(busArn: string | undefined): Statement[] {
  if (busArn === undefined) return [];
  return [{ ...putEvents(busArn, [OUTCOME_SOURCE], OUTCOME_DETAIL_TYPES), Sid: "PutOutcomeEvents" }];
}

/**
 * Lambda polls the queues with the function's role.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
 */
function takeMessages(queueArns: readonly string[]): Statement[] {
  if (queueArns.length === 0) return [];
  return [
    {
      Sid: "TakeMessages",
      Effect: "Allow",
      Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
      Resource: [...queueArns],
    },
  ];
}

/** IAM does not allow a statement without resources. */
function passRoles(sid: string, roleArns: readonly string[], service: string): Statement[] {
  if (roleArns.length === 0) return [];
  return [
    {
      Sid: sid,
      Effect: "Allow",
      Action: ["iam:PassRole"],
      Resource: [...roleArns],
      Condition: { StringEquals: { "iam:PassedToService": service } },
    },
  ];
}

/** The trust policy of the function's role. */
export function functionTrust(): PolicyDocument {
  return document({
    Sid: "LambdaOnly",
    Effect: "Allow",
    Principal: { Service: "lambda.amazonaws.com" },
    Action: ["sts:AssumeRole"],
  });
}
