/** A cluster and the task definitions of the engines, which nobody starts here. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What they need. */
export interface EnginesArgs {
  readonly vpcId: pulumi.Input<string>;
  /** The only ones who may connect. */
  readonly balancersSecurityGroupId: pulumi.Input<string>;
  readonly image: string;
  readonly port: number;
  readonly services: readonly string[];
}

const LOG_DAYS = 14;

/** Fargate, on spot capacity where there is some. */
export class Engines extends pulumi.ComponentResource {
  readonly clusterArn: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  readonly families: Readonly<Record<string, pulumi.Output<string>>>;
  readonly roleArns: pulumi.Output<string>[];

  constructor(name: string, args: EnginesArgs, options?: pulumi.ComponentResourceOptions) {
    super("start-engines:example:Engines", name, {}, options);
    const own = { parent: this };
    const cluster = new aws.ecs.Cluster(name, {}, own);
    new aws.ecs.ClusterCapacityProviders(
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
          { protocol: "tcp", fromPort: args.port, toPort: args.port, securityGroups: [args.balancersSecurityGroupId] },
        ],
        egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }],
      },
      own,
    );
    const logs = new aws.cloudwatch.LogGroup(`${name}-engines`, { retentionInDays: LOG_DAYS }, own);
    const assumeRolePolicy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" }],
    });
    const execution = new aws.iam.Role(`${name}-execution`, { assumeRolePolicy }, own);
    new aws.iam.RolePolicyAttachment(
      `${name}-execution`,
      {
        role: execution.name,
        policyArn: "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
      },
      own,
    );
    // What the containers themselves may do: nothing.
    const task = new aws.iam.Role(`${name}-task`, { assumeRolePolicy }, own);
    const region = aws.getRegionOutput({}, own).region;
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
                options: { "awslogs-group": logs.name, "awslogs-region": region, "awslogs-stream-prefix": service },
              },
            },
          ]),
        },
        own,
      ).family;
    this.clusterArn = cluster.arn;
    this.securityGroupId = securityGroup.id;
    this.families = Object.fromEntries(args.services.map((service) => [service, define(service)]));
    this.roleArns = [execution.arn, task.arn];
    this.registerOutputs({ clusterArn: this.clusterArn, securityGroupId: this.securityGroupId });
  }
}
