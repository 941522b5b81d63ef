/** The policy of `start-engines doctor`: what it reads, and that it only reads. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

import { doctorPolicy, type DoctorPolicyArgs } from "../component/src/policies/doctorPolicy";
import { MAX_MANAGED_CHARACTERS } from "../component/src/policies/spread";

const ARGS: DoctorPolicyArgs = {
  scope: { partition: "aws", region: "us-east-1", account: "111122223333" },
  functionArn: "arn:aws:lambda:us-east-1:111122223333:function:start-engines",
  layerArn: "arn:aws:lambda:us-east-1:111122223333:layer:start-engines:*",
  ruleArns: ["arn:aws:events:us-east-1:111122223333:rule/engines/start-engines-requests", "arn:aws:events:us-east-1:111122223333:rule/start-engines-state-change"],
  queueArns: ["arn:aws:sqs:us-east-1:111122223333:start-engines-failures"],
  scheduleGroup: "start-engines",
  roleArns: ["arn:aws:iam::111122223333:role/start-engines", "arn:aws:iam::111122223333:role/start-engines-later"],
};

const actions = (): string[] => doctorPolicy(ARGS).Statement.flatMap(({ Action }) => Action);

test("doctor reads the deployment's own parts, and what services name in the account", () => {
  const resources = Object.fromEntries(doctorPolicy(ARGS).Statement.map(({ Sid, Resource }) => [Sid, Resource]));
  assert.deepEqual(resources, {
    SeeFunction: [ARGS.functionArn, ARGS.layerArn],
    SeeRules: ARGS.ruleArns,
    SeeQueues: ARGS.queueArns,
    SeeScheduleGroup: ["arn:aws:scheduler:us-east-1:111122223333:schedule-group/start-engines"],
    SimulateRoles: ARGS.roleArns,
    SeeWhatServicesName: [
      "arn:aws:ecs:us-east-1:111122223333:capacity-provider/*",
      "arn:aws:ecs:us-east-1:111122223333:cluster/*",
      "arn:aws:ecs:us-east-1:111122223333:container-instance/*",
      "arn:aws:ecr:us-east-1:111122223333:repository/*",
      "arn:aws:logs:us-east-1:111122223333:log-group:*",
      "arn:aws:secretsmanager:us-east-1:111122223333:secret:*",
    ],
    SeeWhatHasNoResource: "*",
  });
});

test("with a key of one's own it may see the function's environment, and decrypt nothing else", () => {
  const keyArn = "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
  const [more, ...others] = doctorPolicy({ ...ARGS, keyArn }).Statement.filter(({ Sid }) => Sid === "ReadEnvironment");
  assert.deepEqual(others, []);
  assert.deepEqual([more?.Action, more?.Resource], [["kms:Decrypt"], [keyArn]]);
  assert.deepEqual(more?.Condition, { StringEquals: { "kms:EncryptionContext:aws:lambda:FunctionArn": ARGS.functionArn } });
});

test("no action of doctor changes anything, or reads a secret, a message or a log line", () => {
  for (const action of actions()) {
    assert.match(action, /^[a-z0-9]+:(Describe|Get(Function|FunctionEventInvokeConfig|LayerVersion|Policy|QueueAttributes|Role|ScheduleGroup)$|List|Simulate|TestEventPattern)/);
  }
});

test("it has each action that the command names where it is denied, and no other", () => {
  const sources = ["deployed.rs", "account.rs"].map((file) => readFileSync(path.join(__dirname, "../../src/cli/doctor/survey", file), "utf8"));
  const named = sources.join("").match(/"[a-z0-9]+:[A-Z][A-Za-z]+"/g) ?? [];
  assert.deepEqual([...new Set(actions())].sort(), [...new Set(named.map((text) => text.slice(1, -1)))].sort());
});

test("it has room for the longest names", () => {
  const long = (text: string) => text + "x".repeat(200);
  const names = { ruleArns: ARGS.ruleArns.map(long), queueArns: Array.from({ length: 6 }, (_, n) => long(`${ARGS.queueArns[0] ?? ""}${n}`)), roleArns: ARGS.roleArns.map(long) };
  assert.ok(JSON.stringify(doctorPolicy({ ...ARGS, ...names })).length <= MAX_MANAGED_CHARACTERS);
});
