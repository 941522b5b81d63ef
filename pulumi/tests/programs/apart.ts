/** A program with two outputs that are sound each, and do not go together: nobody can know before both are there. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { StartEngines } from "../../component/src/index";

const [group, other] = ["auth", "other"].map((name) => new aws.lb.TargetGroup(name));

new StartEngines("start-engines", {
  code: new pulumi.Config().require("code"),
  clusters: ["arn:aws:ecs:us-east-1:111122223333:cluster/engines"],
  taskFamilies: ["auth"],
  targetGroups: { auth: { arn: group?.arn ?? "" } },
  taskRoles: [],
  sources: ["example.app"],
  services: { auth: { targetGroupArn: other?.arn ?? "", port: 8080 } },
});
