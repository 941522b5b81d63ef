/** A program with 500 services, each with a start and a stop a day. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type Service, type ScheduleArgs, StartEngines } from "start-engines";

const config = new pulumi.Config();
const cluster = config.require("clusterArn");
const names = Array.from({ length: 500 }, (_, n) => `engine-${String(n).padStart(3, "0")}`);
const group = new aws.lb.TargetGroup("engine", {
  name: "engine-all",
  vpcId: config.require("vpcId"),
  targetType: "ip",
  protocol: "HTTP",
  port: 8080,
});

const service = (name: string): Service => ({
  cluster,
  taskDefinition: name,
  targets: [{ targetGroupArn: group.arn, port: 8080 }],
  launchType: "FARGATE",
  subnets: ["subnet-0a1b2c3d4e5f60718"],
});
const office = (name: string): ScheduleArgs => ({ service: name, start: "cron(0 7 ? * MON-FRI *)", stop: "cron(0 19 ? * MON-FRI *)" });

new StartEngines("start-engines", {
  clusters: [cluster],
  taskFamilies: names,
  targetGroups: { all: group },
  taskRoles: names.map((name) => config.require("taskRolePrefix") + name),
  iamPrefixes: { families: ["engine-*"], roles: ["engine-*"] },
  sources: ["app.tenants"],
  services: Object.fromEntries(names.map((name) => [name, service(name)] as const)),
  schedules: Object.fromEntries(names.map((name) => [name, office(name)] as const)),
});
