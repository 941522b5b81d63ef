/** The clusters are the output of a whole list, and one of them is not where the provider works. */

import * as pulumi from "@pulumi/pulumi";

import { StartEngines } from "../../component/src/index";

const here = "arn:aws:ecs:us-east-1:111122223333:cluster/engines";

new StartEngines("engines", {
  code: new pulumi.Config().require("code"),
  clusters: pulumi.output([here, "arn:aws:ecs:eu-west-1:111122223333:cluster/engines"]),
  taskFamilies: ["auth"],
  targetGroups: { auth: { arn: "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067" } },
  taskRoles: [],
  sources: ["app.tenants"],
});
