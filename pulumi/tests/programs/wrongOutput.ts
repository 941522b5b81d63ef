/** A program whose cluster gives a name where its ARN is needed: nobody can know before it exists. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { StartEngines } from "../../component/src/index";

const cluster = new aws.ecs.Cluster("engines", { name: "not-an-arn" });

new StartEngines("start-engines", {
  code: new pulumi.Config().require("code"),
  clusters: [cluster.name],
  taskFamilies: ["auth"],
  targetGroups: {
    auth: { arn: "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067" },
  },
  taskRoles: [],
  sources: ["example.app"],
});
