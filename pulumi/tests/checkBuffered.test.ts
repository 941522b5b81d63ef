/** The settings of buffered mode: what is sound, and what is wrong with value and rule. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { checkArguments } from "../component/src/check";
import { leastArguments } from "./support/soundArguments";

function problemsOf(buffered: unknown, change: Record<string, unknown> = {}): string[] {
  try {
    checkArguments("start-engines", { ...leastArguments(), ...change, buffered });
  } catch (error) {
    assert.ok(error instanceof pulumi.RunError);
    return error.message.split("\n  ").slice(1);
  }
  return [];
}

test("sound settings have no problem", () => {
  for (const buffered of [
    true,
    false,
    null,
    {},
    { requests: null, stateChanges: null, drain: null },
    { stateChanges: { batchSize: 10, maximumBatchingWindowSeconds: 0 } },
    { requests: { batchSize: 10_000, maximumBatchingWindowSeconds: 300, visibilityTimeoutSeconds: 480 } },
    { requests: { maximumConcurrency: 1000, maxReceiveCount: 1000, retentionDays: 14 }, drain: true },
  ]) {
    assert.deepEqual(problemsOf(buffered), [], JSON.stringify(buffered));
  }
  assert.deepEqual(problemsOf(true, { reservedConcurrency: 4 }), []);
  // Stopped.
  assert.deepEqual(problemsOf(true, { reservedConcurrency: 0 }), []);
});

test("each wrong setting is named with value and rule, of whichever queue", () => {
  const cases: [settings: unknown, problem: string, change?: Record<string, unknown>][] = [
    [{ batchSize: 10_001 }, "batchSize = 10001: must be a whole number from 1 to 10000"],
    [{ maximumBatchingWindowSeconds: 301 }, "maximumBatchingWindowSeconds = 301: must be a whole number from 0 to 300"],
    [
      { batchSize: 11, maximumBatchingWindowSeconds: 0 },
      "maximumBatchingWindowSeconds = 0: must be at least 1 where batchSize is more than 10",
    ],
    [{ maximumConcurrency: 1 }, "maximumConcurrency = 1: must be a whole number from 2 to 1000"],
    [{ maxReceiveCount: 4 }, "maxReceiveCount = 4: must be a whole number from 5 to 1000"],
    [
      { maxReceiveCount: 1000, visibilityTimeoutSeconds: 43_200 },
      "maxReceiveCount = 1000: takes 43200000 s, and the queue keeps messages for 4 days only",
    ],
    [
      { maximumBatchingWindowSeconds: 1, visibilityTimeoutSeconds: 180 },
      "visibilityTimeoutSeconds = 180: must be at least 181: six times the timeout of 30 s, and the window",
    ],
    [
      { maximumBatchingWindowSeconds: 2, visibilityTimeoutSeconds: 300 },
      "visibilityTimeoutSeconds = 300: must be at least 362: six times the timeout of 60 s, and the window",
      { timeout: 60 },
    ],
    [{ visibilityTimeoutSeconds: 43_201 }, "visibilityTimeoutSeconds = 43201: must be a whole number from 1 to 43200"],
    [{ retentionDays: 15 }, "retentionDays = 15: must be a whole number from 1 to 14"],
    [{ retentionDays: 8 }, "retentionDays = 8: must be at most queueRetentionDays, 7", { queueRetentionDays: 7 }],
    [{ window: 1 }, "window = a number: is not a field of this object"],
  ];
  for (const kind of ["requests", "stateChanges"]) {
    for (const [settings, problem, change] of cases) {
      assertOnly(problemsOf({ [kind]: settings }, change), `args.buffered.${kind}.${problem}`);
    }
  }
});

test("what is wrong with both queues together is named, too", () => {
  const cases: [buffered: unknown, problem: string, change?: Record<string, unknown>][] = [
    ["yes", 'args.buffered = "yes": must be true, false or an object of settings'],
    [{ requests: 5 }, "args.buffered.requests = a number: must be a JSON object"],
    [{ stateChanges: { batchSize: 11, maximumBatchingWindowSeconds: 0 } }, "args.buffered.stateChanges.maximumBatchingWindowSeconds = 0"],
    [{ requests: { batchSize: 11 } }, "args.buffered.requests.maximumBatchingWindowSeconds = 0: must be at least 1 where batchSize"],
    [{ drain: "yes" }, 'args.buffered.drain = "yes": must be true or false'],
    [{ batchSize: 10 }, "args.buffered.batchSize = a number: is not a field of this object"],
    [true, "args.reservedConcurrency = 3: must be at least 4, the maximumConcurrency of both queues", { reservedConcurrency: 3 }],
    [
      { requests: { maximumConcurrency: 5 } },
      "args.reservedConcurrency = 6: must be at least 7, the maximumConcurrency of both queues",
      { reservedConcurrency: 6 },
    ],
    [true, "args.alarms.bufferAgeSeconds = 0: must be a whole number from 1 to 86400", { alarms: { bufferAgeSeconds: 0 } }],
  ];
  for (const [buffered, problem, change] of cases) assertOnly(problemsOf(buffered, change), problem);
});

function assertOnly(found: readonly string[], problem: string): void {
  assert.equal(found.length, 1, `${problem}:\n${found.join("\n")}`);
  assert.ok(found[0]?.includes(problem), `${problem}:\n${found.join("\n")}`);
}

test("all problems of the settings are reported at once", () => {
  const found = problemsOf({
    requests: { batchSize: 0, maxReceiveCount: "5" },
    stateChanges: { maximumBatchingWindowSeconds: 0, visibilityTimeoutSeconds: 1 },
  });
  const names = [
    "requests.batchSize",
    "requests.maxReceiveCount",
    "stateChanges.maximumBatchingWindowSeconds",
    "stateChanges.visibilityTimeoutSeconds",
  ];
  for (const name of names) {
    assert.ok(found.some((line) => line.startsWith(`args.buffered.${name} = `)), `${name}: ${found.join("\n")}`);
  }
});
