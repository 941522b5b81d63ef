import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

import { requestPattern, stateChangePattern } from "../component/src/eventPatterns";
import { CLUSTER } from "./support/soundArguments";

test("the rule for requests takes starts, stops and reconciles of the listed sources and nothing else", () => {
  assert.deepEqual(requestPattern(["app.tenants", "app.billing"]), {
    source: ["app.tenants", "app.billing"],
    "detail-type": ["Start ECS Task", "Stop ECS Task", "Reconcile ECS Targets"],
  });
});

test("the state-change rule takes our tasks in our clusters, when they run and from the first sign of a stop", () => {
  assert.deepEqual(stateChangePattern([CLUSTER]), {
    source: ["aws.ecs"],
    "detail-type": ["ECS Task State Change"],
    detail: {
      startedBy: [{ prefix: "start-engines/" }],
      clusterArn: [CLUSTER],
      $or: [
        { lastStatus: ["RUNNING"], desiredStatus: ["RUNNING"] },
        { desiredStatus: ["STOPPED"], lastStatus: [{ "anything-but": ["DEPROVISIONING"] }] },
        { desiredStatus: ["STOPPED"], stopCode: [{ "anything-but": ["UserInitiated"] }, { exists: false }] },
      ],
    },
  });
});

test("the detail-types and the prefix are those of the function's source", () => {
  const source = (file: string) => readFileSync(path.join(__dirname, "../../src", file), "utf8");
  const trigger = source("core/request/envelope.rs");
  for (const detailType of [requestPattern([]), stateChangePattern([])].flatMap((pattern) => pattern["detail-type"])) {
    assert.ok(trigger.includes(`= "${detailType}";`), detailType);
  }
  const prefix = stateChangePattern([]).detail.startedBy[0]?.prefix;
  assert.ok(source("core/domain/started_by.rs").includes(`PREFIX: &str = "${prefix ?? ""}";`));
});
