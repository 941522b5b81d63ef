/** Two deployments on one bus and in one cluster, with one service each of the same name. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { StartEngines } from "start-engines";

const config = new pulumi.Config("start-engines");
const network = new aws.ec2.Vpc("engines", { cidrBlock: "10.0.0.0/16" });
const subnet = new aws.ec2.Subnet("engines", { vpcId: network.id, cidrBlock: "10.0.0.0/24" });
const bus = new aws.cloudwatch.EventBus("engines");
const cluster = new aws.ecs.Cluster("engines");

function deployed(name: string): StartEngines {
  const role = new aws.iam.Role(`${name}-execution`, {
    assumeRolePolicy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" }],
    }),
  });
  const definition = new aws.ecs.TaskDefinition(`${name}-auth`, {
    family: `${name}-auth`,
    requiresCompatibilities: ["FARGATE"],
    networkMode: "awsvpc",
    cpu: "256",
    memory: "512",
    executionRoleArn: role.arn,
    containerDefinitions: JSON.stringify([{ name: "auth", image: config.require("image"), portMappings: [{ containerPort: 8080 }] }]),
  });
  const group = new aws.lb.TargetGroup(`${name}-auth`, { vpcId: network.id, targetType: "ip", protocol: "HTTP", port: 8080 });
  return new StartEngines(name, {
    code: config.require("code"),
    architecture: config.require<"x86_64" | "arm64">("architecture"),
    clusters: [cluster],
    taskFamilies: [definition],
    targetGroups: { auth: group },
    sources: [`app.${name}`],
    services: {
      auth: {
        cluster: cluster.arn,
        taskDefinition: definition.family,
        targets: [{ targetGroupArn: group.arn, port: 8080 }],
        subnets: [subnet.id],
        launchType: "FARGATE",
      },
    },
    eventBus: bus,
  });
}

const [dev, prod] = [deployed("dev"), deployed("prod")];

/** The outputs of the stack. */
export = {
  bus: bus.name,
  clusterArn: cluster.arn,
  functions: [dev.functionName, prod.functionName],
};
