/** A program that gets everything from another stack: that of the platform, with clusters, load balancers and task definitions. */

import * as pulumi from "@pulumi/pulumi";
import { StartEngines } from "start-engines";

const platform = new pulumi.StackReference(new pulumi.Config().require("platform"));
const of = (name: string) => platform.getOutput(name);

const startEngines = new StartEngines("start-engines", {
  clusters: [of("clusterArn")],
  taskFamilies: of("families"),
  targetGroups: { auth: { arn: of("targetGroupArn") } },
  taskRoles: of("taskRoleArns"),
  sources: of("sources"),
  services: {
    auth: {
      cluster: of("clusterArn"),
      taskDefinition: "auth",
      targets: [{ targetGroupArn: of("targetGroupArn"), port: 8080 }],
      launchType: "FARGATE",
      subnets: of("subnetIds"),
      securityGroups: [of("securityGroupId")],
    },
  },
});

export const putEventsPolicyArn = startEngines.putEventsPolicyArn;
