/** Two deployments on one bus and in one cluster that others have made, with one service each of the same name. */

import * as pulumi from "@pulumi/pulumi";
import { StartEngines } from "start-engines";

const config = new pulumi.Config("start-engines");

function deployed(name: string): StartEngines {
  const group = config.require(`${name}Group`);
  return new StartEngines(name, {
    code: config.require("code"),
    architecture: config.require<"x86_64" | "arm64">("architecture"),
    clusters: [config.require("clusterArn")],
    taskFamilies: [`${name}-auth`],
    targetGroups: { auth: { arn: group } },
    taskRoles: [],
    sources: [`app.${name}`],
    services: {
      auth: {
        cluster: config.require("clusterArn"),
        taskDefinition: `${name}-auth`,
        targets: [{ targetGroupArn: group, port: 8080 }],
        subnets: [config.require("subnet")],
        launchType: "FARGATE",
      },
    },
    eventBus: config.require("bus"),
  });
}

const [dev, prod] = [deployed("dev"), deployed("prod")];

/** The outputs of the stack. */
export = { functions: [dev.functionName, prod.functionName] };
