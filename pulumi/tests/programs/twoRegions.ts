/** A deployment in each of two regions, with one name for the functions, and clusters and target groups that others have made. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { StartEngines } from "start-engines";

const config = new pulumi.Config("start-engines");
const account = config.require("account");

function deployed(region: string): StartEngines {
  const provider = new aws.Provider(region, { region: region as aws.Region });
  return new StartEngines(
    `engines-${region}`,
    {
      functionName: "engines",
      code: config.require("code"),
      architecture: config.require<"x86_64" | "arm64">("architecture"),
      clusters: [`arn:aws:ecs:${region}:${account}:cluster/engines`],
      taskFamilies: ["auth"],
      targetGroups: { auth: { arn: `arn:aws:elasticloadbalancing:${region}:${account}:targetgroup/auth/73e2d6bc24d8a067` } },
      taskRoles: [],
      sources: ["app.tenants"],
    },
    { providers: { aws: provider } },
  );
}

const [one, other] = config.require("regions").split(",").map(deployed);

/** The outputs of the stack. */
export = { roles: [one?.roleName, other?.roleName], functions: [one?.functionArn, other?.functionArn] };
