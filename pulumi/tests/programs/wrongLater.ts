/** A program with arguments of which only the engine can tell that they are wrong. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { StartEngines } from "../../component/src/index";

const abroad = new aws.Provider("abroad", { region: "eu-west-1" });
const boundary = new aws.iam.Policy("boundary", { policy: "{}" });

new StartEngines(
  "start-engines",
  {
    code: new pulumi.Config().require("code"),
    clusters: ["arn:aws:ecs:eu-west-1:444455556666:cluster/engines"],
    taskFamilies: ["auth"],
    targetGroups: {
      auth: { arn: "arn:aws:elasticloadbalancing:eu-west-1:444455556666:targetgroup/auth/73e2d6bc24d8a067" },
    },
    taskRoles: [],
    sources: ["example.app"],
    // As of an output that another stack does not have.
    permissionsBoundary: boundary.arn.apply(() => undefined as unknown as string),
    services: {
      auth: {
        overrides: {
          containerOverrides: [{ name: "auth", environment: [{ name: "TOKEN", value: pulumi.secret("hunter2") }] }],
        },
      },
    },
  },
  { providers: { aws: abroad } },
);
