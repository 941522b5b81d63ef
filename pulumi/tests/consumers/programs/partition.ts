/** A program with all that has ARNs, in the partition and region of its configuration. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { kmsKeyPolicyStatements, StartEngines } from "start-engines";

const partition = new pulumi.Config().require("partition");
const region = new pulumi.Config("aws").require("region");
const arn = (service: string, resource: string) => `arn:${partition}:${service}:${region}:111122223333:${resource}`;
const role = (name: string) => `arn:${partition}:iam::111122223333:role/${name}`;

const [functionName, clusterArn] = ["engines", arn("ecs", "cluster/engines")];
const targetGroupArn = arn("elasticloadbalancing", "targetgroup/auth/73e2d6bc24d8a067");
const key = new aws.kms.Key("engines", { policy: kmsKeyPolicyStatements({ functionName, clusters: [clusterArn] }) });

const startEngines = new StartEngines("start-engines", {
  functionName,
  clusters: [clusterArn],
  taskFamilies: ["auth"],
  targetGroups: {
    auth: { arn: targetGroupArn, loadBalancerArn: arn("elasticloadbalancing", "loadbalancer/app/engines/50dc6c495c0c9188") },
  },
  taskRoles: [role("auth-task")],
  infrastructureRoles: [role("volumes")],
  sources: ["app.tenants"],
  services: {
    auth: {
      cluster: clusterArn,
      taskDefinition: "auth",
      targets: [{ targetGroupArn, port: 8080 }],
      launchType: "FARGATE",
      subnets: ["subnet-0a1b2c3d4e5f60718"],
    },
  },
  schedules: { office: { service: "auth", start: "cron(0 7 ? * MON-FRI *)", stop: "cron(0 19 ? * MON-FRI *)" } },
  eventBus: "engines",
  outcomeEventBus: "outcomes",
  buffered: new pulumi.Config().getBoolean("buffered"),
  vpcConfig: { subnetIds: ["subnet-0a1b2c3d4e5f60718"], securityGroupIds: ["sg-0a1b2c3d4e5f60718"] },
  tracing: "Active",
  alarms: { topicArn: arn("sns", "people") },
  kmsKeyArn: key,
});

export const {
  catalog,
  commandEnvironment,
  doctorPolicyArn,
  functionArn,
  kmsKeyPolicyStatements: statements,
  onFailureQueueArn,
  operatorPolicyArns,
  putEventsPolicyArn,
  requestRuleArn,
  roleArn,
  settings,
  sourcePolicies,
  stateChangeRuleArn,
} = startEngines;
