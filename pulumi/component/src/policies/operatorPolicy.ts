/**
 * What a person may do with the command, `src/cli/`: read (the function's log too), request starts and stops, repair targets, and send failed events
 * again. No statement allows RunTask; a repair stops tasks whose drain is over.
 *
 * Actions and resource types: as in `functionPolicy.ts`, and
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html,
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
 */

import { arnIn, clusterName, type Scope } from "../arn";
import { START_DETAIL_TYPE, STOP_DETAIL_TYPE } from "../eventPatterns";
import { document, type PolicyDocument, type Statement } from "./document";
import { OWN_SCHEDULES, SEE_TASK_DEFINITIONS } from "./functionPolicy";
import { putEvents } from "./putEventsPolicy";

/** The inputs of the policy. */
export interface OperatorPolicyArgs {
  /** The account and region of all resources. */
  readonly scope: Scope;
  readonly clusterArns: readonly string[];
  readonly targetGroupArns: readonly string[];
  readonly busArn: string;
  /** The source of the operators' events. */
  readonly source: string;
  readonly functionArn: string;
  readonly queueArns: readonly string[];
  readonly logGroupArn: string;
  /** The schedule group of the function's own one-time schedules, by name. */
  readonly scheduleGroup: string;
  /** What encrypted queues need. */
  readonly further?: readonly Statement[] | undefined;
}

/** What people may do, as one document; `spread.ts` makes managed policies of it. */
export function operatorPolicy(args: OperatorPolicyArgs): PolicyDocument {
  const { scope, clusterArns } = args;
  const inClusters = { ArnEquals: { "ecs:cluster": [...clusterArns] } };
  const inEach = (resource: string) =>
    clusterArns.map((cluster) => arnIn(scope, "ecs", `${resource}/${clusterName(cluster)}/*`));
  return document(
    putEvents(args.busArn, [args.source], [START_DETAIL_TYPE, STOP_DETAIL_TYPE]),
    {
      // `reconcile` stops tasks whose drain is over but that were not stopped.
      Sid: "SeeAndStopOverdueTasks",
      Effect: "Allow",
      Action: ["ecs:DescribeTasks", "ecs:StopTask", "ecs:DescribeContainerInstances"],
      // Their ARNs have the cluster: a condition would only name it again.
      Resource: [...inEach("task"), ...inEach("container-instance")],
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
      Sid: "SeeInstancesAndTargets",
      Effect: "Allow",
      Action: [
        "ec2:DescribeInstances",
        "ec2:DescribeNetworkInterfaces",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
      ],
      // IAM has no resource type for these: any other resource would deny them.
      Resource: "*",
    },
    {
      Sid: "RepairTargets",
      Effect: "Allow",
      Action: ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
      Resource: [...args.targetGroupArns],
    },
    {
      Sid: "TakeFailedEvents",
      Effect: "Allow",
      Action: ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"],
      Resource: [...args.queueArns],
    },
    {
      // `trace`. The guide has the group's ARN with this end for all actions but those of tags, the Service Authorization
      // Reference without it for this one:
      // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html,
      // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
      Sid: "ReadLog",
      Effect: "Allow",
      Action: ["logs:FilterLogEvents"],
      Resource: [args.logGroupArn, `${args.logGroupArn}:*`],
    },
    {
      // `trace` shows which stops and checks are to come.
      Sid: "SeeScheduledStops",
      Effect: "Allow",
      Action: ["scheduler:GetSchedule"],
      Resource: [arnIn(scope, "scheduler", `schedule/${args.scheduleGroup}/${OWN_SCHEDULES}*`)],
    },
    {
      Sid: "SendThemAgain",
      Effect: "Allow",
      Action: ["lambda:InvokeFunction"],
      Resource: [args.functionArn],
    },
    ...(args.further ?? []),
  );
}
