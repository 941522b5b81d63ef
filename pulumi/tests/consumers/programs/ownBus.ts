/** A program with a bus for its applications, a topic for its people, and an application's policy. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { StartEngines } from "start-engines";

const config = new pulumi.Config();
const bus = new aws.cloudwatch.EventBus("engines");
const people = new aws.sns.Topic("people");

const startEngines = new StartEngines("start-engines", {
  clusters: [config.require("clusterArn")],
  taskFamilies: ["auth"],
  targetGroups: { auth: { arn: config.require("targetGroupArn") } },
  taskRoles: [],
  sources: ["app.tenants"],
  services: {
    auth: {
      cluster: config.require("clusterArn"),
      taskDefinition: "auth",
      targets: [{ targetGroupArn: config.require("targetGroupArn"), port: 8080 }],
      launchType: "FARGATE",
      subnets: ["subnet-0a1b2c3d4e5f60718"],
    },
  },
  schedules: { office: { service: "auth", start: "cron(0 7 ? * MON-FRI *)", stop: "cron(0 19 ? * MON-FRI *)" } },
  eventBus: bus,
  outcomeEventBus: bus,
  alarms: { topicArn: people },
});

const application = new aws.iam.Role("application", {
  assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "ecs-tasks.amazonaws.com" }),
});
new aws.iam.RolePolicy("application", { role: application, policy: startEngines.sourcePolicy("app.tenants", "start") });

export const eventBus = startEngines.eventBus;
export const alarmNames = startEngines.alarmNames;
