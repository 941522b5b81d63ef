/** A program with a queue before the function, and settings of one of both queues. */

import * as pulumi from "@pulumi/pulumi";
import { StartEngines } from "start-engines";

const config = new pulumi.Config();

const startEngines = new StartEngines("start-engines", {
  clusters: [config.require("clusterArn")],
  taskFamilies: ["auth"],
  targetGroups: { auth: { arn: config.require("targetGroupArn") } },
  taskRoles: [],
  sources: ["app.tenants"],
  buffered: { stateChanges: { batchSize: 500, maximumBatchingWindowSeconds: 2 } },
});

export const { requestQueueUrl, requestDeadLetterQueueUrl, stateChangeQueueUrl, stateChangeDeadLetterQueueUrl } = startEngines;
