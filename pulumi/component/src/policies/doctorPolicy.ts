/**
 * What `start-engines doctor` may do: only reads, of the deployment and of what its services are made of. No statement lets it
 * read a secret's value, a message or a log line.
 *
 * Actions and resource types: as in `functionPolicy.ts` and `operatorPolicy.ts`, and
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html,
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html,
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html,
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html,
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
 */

import { arnIn, type Scope } from "../arn";
import { document, type PolicyDocument } from "./document";
import { readEnvironment } from "./keyPolicy";

/** The inputs of the policy. */
export interface DoctorPolicyArgs {
  /** The account and region of all resources. */
  readonly scope: Scope;
  readonly functionArn: string;
  /** The layer with the settings, in any version. */
  readonly layerArn: string;
  readonly ruleArns: readonly string[];
  readonly queueArns: readonly string[];
  /** The schedule group, by name. */
  readonly scheduleGroup: string;
  /** The function's role, and the one with which Scheduler invokes it. */
  readonly roleArns: readonly string[];
  /** The key of the function's environment, which Lambda shows only to who may decrypt it. */
  readonly keyArn?: string | undefined;
}

/** As short for a thousand services as for one: what services name is read in the account, whatever its name. */
export function doctorPolicy(args: DoctorPolicyArgs): PolicyDocument {
  const { scope } = args;
  const any = (service: string, resource: string) => arnIn(scope, service, `${resource}*`);
  return document(
    {
      Sid: "SeeFunction",
      Effect: "Allow",
      Action: ["lambda:GetFunction", "lambda:GetFunctionEventInvokeConfig", "lambda:GetLayerVersion", "lambda:GetPolicy"],
      Resource: [args.functionArn, args.layerArn],
    },
    {
      Sid: "SeeRules",
      Effect: "Allow",
      Action: ["events:DescribeRule", "events:ListTargetsByRule"],
      Resource: [...args.ruleArns],
    },
    { Sid: "SeeQueues", Effect: "Allow", Action: ["sqs:GetQueueAttributes"], Resource: [...args.queueArns] },
    {
      Sid: "SeeScheduleGroup",
      Effect: "Allow",
      Action: ["scheduler:GetScheduleGroup"],
      Resource: [arnIn(scope, "scheduler", `schedule-group/${args.scheduleGroup}`)],
    },
    { Sid: "SimulateRoles", Effect: "Allow", Action: ["iam:GetRole", "iam:SimulatePrincipalPolicy"], Resource: [...args.roleArns] },
    {
      Sid: "SeeWhatServicesName",
      Effect: "Allow",
      Action: [
        "ecs:DescribeCapacityProviders",
        "ecs:DescribeClusters",
        "ecs:DescribeContainerInstances",
        "ecs:ListContainerInstances",
        "ecr:DescribeImages",
        "logs:DescribeLogGroups",
        "secretsmanager:DescribeSecret",
      ],
      Resource: [
        any("ecs", "capacity-provider/"),
        any("ecs", "cluster/"),
        any("ecs", "container-instance/"),
        any("ecr", "repository/"),
        any("logs", "log-group:"),
        any("secretsmanager", "secret:"),
      ],
    },
    {
      Sid: "SeeWhatHasNoResource",
      Effect: "Allow",
      Action: [
        // Of several alarms at once, of which some may not exist.
        "cloudwatch:DescribeAlarms",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
        "ecr:DescribePullThroughCacheRules",
        "ecs:DescribeTaskDefinition",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "events:TestEventPattern",
        "lambda:ListEventSourceMappings",
      ],
      // IAM has no resource type for the others: any other resource would deny them.
      Resource: "*",
    },
    ...(args.keyArn === undefined ? [] : [readEnvironment(args.keyArn, args.functionArn)]),
  );
}
