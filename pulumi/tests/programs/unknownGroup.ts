/** A program with outputs among its arguments, each of another resource: what is made of the others does not wait for them. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { StartEngines } from "../../component/src/index";

const group = new aws.lb.TargetGroup("auth");
const topic = new aws.sns.Topic("people");

new StartEngines("start-engines", {
  code: new pulumi.Config().require("code"),
  clusters: ["arn:aws:ecs:us-east-1:111122223333:cluster/engines"],
  taskFamilies: ["auth"],
  targetGroups: {
    auth: group,
    web: {
      arn: "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/73e2d6bc24d8a067",
      loadBalancerArn: "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/web/50dc6c495c0c9188",
    },
  },
  taskRoles: [],
  sources: ["example.app"],
  alarms: { topicArn: topic },
});
