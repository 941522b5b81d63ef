import assert from "node:assert/strict";
import { test } from "node:test";

import { limitProblems } from "../component/src/limits";

test("what AWS takes is no problem, up to the last character", () => {
  const pattern = { source: ["x".repeat(2048 - JSON.stringify({ source: [""] }).length)] };
  assert.deepEqual(limitProblems({ environment: { A: "x".repeat(4095) }, patterns: [pattern], policies: [{}], managedPolicies: [{}] }), []);
});

test("each limit that is passed is reported with size, limit and way out", () => {
  const found = limitProblems({
    environment: { A: "é".repeat(2048) },
    patterns: [{ source: ["x".repeat(2048)] }],
    policies: [{ Resource: "x".repeat(10_240) }],
    managedPolicies: [{ Resource: "x".repeat(6144) }],
  });
  const starts = [
    "the size of the function's environment = 4097: AWS allows at most 4096 bytes: give fewer or shorter defaults",
    "the size of an event pattern = 2063: AWS allows at most 2048 characters: name fewer",
    "the size of a role's policy = 10255: AWS allows at most 10240 characters: name fewer",
    "the size of a managed policy = 6159: AWS allows at most 6144 characters: name fewer",
  ];
  assert.equal(found.length, starts.length);
  starts.forEach((start, n) => {
    assert.ok(found[n]?.startsWith(start), found[n]);
  });
});
