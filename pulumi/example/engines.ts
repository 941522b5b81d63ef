/** A cluster and the task definitions of the engines. Starts no task. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What they need. */
export interface EnginesArgs {
  readonly vpcId: pulumi.Input<string>;
  /** The only ones who may connect. */
  readonly balancersSecurityGroupIds: pulumi.Input<string>[];
  readonly image: string;
  readonly port: number;
  readonly services: readonly string[];
}

const LOG_DAYS = 14;

/** Fargate, on spot capacity where there is some. */
export class Engines extends pulumi.ComponentResource {
  /** Known when the cluster has its capacity providers. */
  readonly clusterArn: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  readonly families: Readonly<Record<string, pulumi.Output<string>>>;
  readonly roleArns: pulumi.Output<string>[];

  constructor(name: string, args: EnginesArgs, options?: pulumi.ComponentResourceOptions) {
    super("start-engines:example:Engines", name, {}, options);
    const own = { parent: this };
    const cluster = new aws.ecs.Cluster(name, {}, own);
    const capacity = new aws.ecs.ClusterCapacityProviders(
      name,
      { clusterName: cluster.name, capacityProviders: ["FARGATE", "FARGATE_SPOT"] },
      own,
    );
    const securityGroup = new aws.ec2.SecurityGroup(
      `${name}-engines`,
      {
        vpcId: args.vpcId,
        description: "The engines: open to the load balancers only",
        ingress: [
          { protocol: "tcp", fromPort: args.port, toPort: args.port, securityGroups: args.balancersSecurityGroupIds },
        ],
        egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }],
      },
      own,
    );
    const logs = new aws.cloudwatch.LogGroup(`${name}-engines`, { retentionInDays: LOG_DAYS }, own);
    const home = cluster.arn.apply(homeOf);
    const assumeRolePolicy = pulumi.jsonStringify(home.apply(taskTrust));
    const execution = new aws.iam.Role(`${name}-execution`, { assumeRolePolicy }, own);
    new aws.iam.RolePolicyAttachment(
      `${name}-execution`,
      {
        role: execution.name,
        policyArn: pulumi.interpolate`arn:${home.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy`,
      },
      own,
    );
    // What the containers themselves may do: nothing.
    const task = new aws.iam.Role(`${name}-task`, { assumeRolePolicy }, own);
    const define = (service: string) =>
      new aws.ecs.TaskDefinition(
        service,
        {
          family: `${name}-${service}`,
          requiresCompatibilities: ["FARGATE"],
          networkMode: "awsvpc",
          cpu: "256",
          memory: "512",
          executionRoleArn: execution.arn,
          taskRoleArn: task.arn,
          containerDefinitions: pulumi.jsonStringify([
            {
              name: service,
              image: args.image,
              essential: true,
              portMappings: [{ containerPort: args.port, protocol: "tcp" }],
              logConfiguration: {
                logDriver: "awslogs",
                options: { "awslogs-group": logs.name, "awslogs-region": home.region, "awslogs-stream-prefix": service },
              },
            },
          ]),
        },
        own,
      ).family;
    this.clusterArn = pulumi.all([cluster.arn, capacity.id]).apply(([arn]) => arn);
    this.securityGroupId = securityGroup.id;
    this.families = Object.fromEntries(args.services.map((service) => [service, define(service)]));
    this.roleArns = [execution.arn, task.arn];
    this.registerOutputs({ clusterArn: this.clusterArn, securityGroupId: this.securityGroupId });
  }
}

/** Where the cluster is. */
interface Home {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
}

function homeOf(clusterArn: string): Home {
  const [, partition = "", , region = "", account = ""] = clusterArn.split(":");
  return { partition, region, account };
}

/**
 * ECS takes these roles for tasks of this account only.
 *
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html#create_task_iam_policy_and_role
 */
function taskTrust({ partition, region, account }: Home) {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "TasksOfThisAccountOnly",
        Effect: "Allow",
        Principal: { Service: "ecs-tasks.amazonaws.com" },
        Action: ["sts:AssumeRole"],
        Condition: {
          ArnLike: { "aws:SourceArn": `arn:${partition}:ecs:${region}:${account}:*` },
          StringEquals: { "aws:SourceAccount": account },
        },
      },
    ],
  };
}
