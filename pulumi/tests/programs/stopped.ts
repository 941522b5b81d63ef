/** A program that stops its function, and reconciles once a day. */

import * as pulumi from "@pulumi/pulumi";

import { StartEngines } from "../../component/src/index";

new StartEngines("start-engines", {
  code: new pulumi.Config().require("code"),
  clusters: ["arn:aws:ecs:us-east-1:111122223333:cluster/engines"],
  taskFamilies: ["auth"],
  targetGroups: {
    auth: { arn: "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067" },
  },
  taskRoles: [],
  sources: ["example.app"],
  reservedConcurrency: 0,
  reconcileSchedule: "rate(1 day)",
});
