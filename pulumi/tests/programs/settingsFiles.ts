/** A layer of settings files, of arguments of which an output is wrong. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { settingsFiles } from "../../component/src/index";

const boundary = new aws.iam.Policy("boundary", { policy: "{}" });
const files = settingsFiles({
  functionName: "engines",
  code: new pulumi.Config().require("code"),
  clusters: ["arn:aws:ecs:us-east-1:111122223333:cluster/engines"],
  // As of an output that has another value than one thinks.
  taskFamilies: [boundary.arn],
  targetGroups: {
    auth: { arn: "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067" },
  },
  taskRoles: [],
  services: {
    auth: { overrides: { containerOverrides: [{ name: "auth", environment: [{ name: "TOKEN", value: pulumi.secret("hunter2") }] }] } },
  },
  sources: [boundary.name.apply(() => undefined as unknown as string)],
});

new aws.lambda.LayerVersion("settings", {
  layerName: "engines-settings",
  code: files.apply((texts) => new pulumi.asset.AssetArchive({ "settings.json": new pulumi.asset.StringAsset(texts["settings.json"] ?? "") })),
});
