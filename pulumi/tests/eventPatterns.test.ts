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

test("clusters are named as long as they fit into a pattern", () => {
  const clusters = (count: number) => Array.from({ length: count }, (_, n) => `${CLUSTER}-${n}`);
  const named = (count: number) => "clusterArn" in stateChangePattern(clusters(count)).detail;
  const most = Array.from({ length: 50 }, (_, n) => n + 1).filter(named).length;
  assert.ok(most >= 28 && most <= 30, String(most));
  assert.ok(JSON.stringify(stateChangePattern(clusters(most))).length <= 2048);
  const { clusterArn, ...others } = stateChangePattern([CLUSTER]).detail as { clusterArn?: readonly string[] };
  assert.deepEqual(clusterArn, [CLUSTER]);
  assert.deepEqual(stateChangePattern(clusters(most + 1)).detail, others);
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
