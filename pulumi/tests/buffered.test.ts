/** Buffered mode: one queue between the rules and the function. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { bufferOf } from "../src/buffered";
import { checkArguments } from "../src/check";
import { type BufferedArgs, StartEngines, type StartEnginesArgs } from "../src/startEngines";
import { type Registration, registrationsOf } from "./support/mocks";
import { leastArguments, soundArguments } from "./support/soundArguments";

const FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";
const QUEUE = "arn:aws:sqs:us-east-1:111122223333:start-engines-buffer";
const DEAD_LETTERS = `${QUEUE}-dead-letters`;
const QUEUE_TYPE = "aws:sqs/queue:Queue";
const MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping";
const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";

async function deploy(buffered: boolean | BufferedArgs | undefined, change: Partial<StartEnginesArgs> = {}) {
  const args = { ...soundArguments(), ...change, ...(buffered === undefined ? {} : { buffered }) };
  return registrationsOf(() => new StartEngines("start-engines", args));
}

function inputs(registrations: Registration[], type: string, name = "start-engines"): Registration["inputs"] {
  const found = registrations.filter((made) => made.type === type && made.name === name);
  assert.equal(found.length, 1, `${type} ${name}`);
  return found[0]?.inputs ?? {};
}

/** `type name` of each. */
function named(registrations: Registration[]): string[] {
  return registrations.map(({ type, name }) => `${type} ${name}`);
}

function targets(registrations: Registration[]): unknown[] {
  const found = registrations.filter(({ type }) => type === "aws:cloudwatch/eventTarget:EventTarget");
  return found.map((target) => target.inputs["arn"]);
}

test("without it nothing is buffered, and false is the same as nothing", async () => {
  const [none, direct] = [await deploy(undefined), await deploy(false)];
  assert.deepEqual(named(direct.registrations).sort(), named(none.registrations).sort());
  assert.deepEqual(targets(direct.registrations), [FUNCTION, FUNCTION]);
  assert.ok(!JSON.stringify(direct.registrations).includes("buffer"));
  assert.deepEqual([direct.result.bufferQueueUrl, direct.result.bufferDeadLetterQueueUrl], [undefined, undefined]);
});

test("buffered, there is a queue with its own dead-letter queue in place of the rules' permissions", async () => {
  const [direct, buffered] = [named((await deploy(false)).registrations), named((await deploy(true)).registrations)];
  assert.deepEqual(buffered.filter((made) => !direct.includes(made)).sort(), [
    `${ALARM} start-engines-buffer-age`,
    `${ALARM} start-engines-buffer-dead-letters`,
    `${ALARM} start-engines-messages-failed`,
    `${MAPPING} start-engines`,
    `${QUEUE_TYPE} start-engines-buffer`,
    `${QUEUE_TYPE} start-engines-buffer-dead-letters`,
    "aws:sqs/queuePolicy:QueuePolicy start-engines-buffer",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy start-engines-buffer-dead-letters",
  ]);
  assert.deepEqual(direct.filter((made) => !buffered.includes(made)), [
    "aws:lambda/permission:Permission start-engines-requests",
    "aws:lambda/permission:Permission start-engines-state-change",
  ]);
});

test("both rules feed the queue, with the rules' dead-letter queue for what does not reach it", async () => {
  const { registrations } = await deploy(true);
  assert.deepEqual(targets(registrations), [QUEUE, QUEUE]);
  for (const suffix of ["requests", "state-change"]) {
    const target = inputs(registrations, "aws:cloudwatch/eventTarget:EventTarget", `start-engines-${suffix}`);
    assert.deepEqual(target["deadLetterConfig"], { arn: "arn:aws:sqs:us-east-1:111122223333:start-engines-undelivered" });
    assert.deepEqual(target["retryPolicy"], { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 185 });
    // The same as without a queue: so another mode changes the target, and makes no second one beside it.
    assert.equal(target["targetId"], "function");
  }
});

test("the queue keeps messages encrypted for days, and hides them as long as AWS advises", async () => {
  const { registrations } = await deploy(true);
  const queue = inputs(registrations, QUEUE_TYPE, "start-engines-buffer");
  assert.equal(queue["messageRetentionSeconds"], 4 * 86_400);
  assert.equal(queue["visibilityTimeoutSeconds"], 6 * 30 + 1);
  assert.equal(queue["sqsManagedSseEnabled"], true);
  assert.deepEqual(JSON.parse(String(queue["redrivePolicy"])), { deadLetterTargetArn: DEAD_LETTERS, maxReceiveCount: 5 });
});

test("the dead-letter queue keeps them longer, and takes them of this queue only", async () => {
  const { registrations } = await deploy(true);
  const queue = inputs(registrations, QUEUE_TYPE, "start-engines-buffer-dead-letters");
  assert.deepEqual([queue["messageRetentionSeconds"], queue["sqsManagedSseEnabled"]], [14 * 86_400, true]);
  const allowed = inputs(
    registrations,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
    "start-engines-buffer-dead-letters",
  );
  assert.deepEqual(JSON.parse(String(allowed["redriveAllowPolicy"])), {
    redrivePermission: "byQueue",
    sourceQueueArns: [QUEUE],
  });
});

test("the function takes batches of the queue, and tells which messages failed", async () => {
  const { registrations } = await deploy(true);
  const { tags, ...rest } = inputs(registrations, MAPPING);
  assert.equal(tags, undefined);
  assert.deepEqual(rest, {
    batchSize: 200,
    eventSourceArn: QUEUE,
    functionName: "start-engines",
    functionResponseTypes: ["ReportBatchItemFailures"],
    maximumBatchingWindowInSeconds: 1,
    scalingConfig: { maximumConcurrency: 2 },
  });
});

test("every setting is what was asked for", async () => {
  const { registrations } = await deploy(
    {
      batchSize: 1000,
      maximumBatchingWindowSeconds: 2,
      maximumConcurrency: 3,
      maxReceiveCount: 7,
      visibilityTimeoutSeconds: 400,
      retentionDays: 2,
    },
    { tags: { team: "engines" } },
  );
  const mapping = inputs(registrations, MAPPING);
  assert.deepEqual(
    [mapping["batchSize"], mapping["maximumBatchingWindowInSeconds"], mapping["scalingConfig"], mapping["tags"]],
    [1000, 2, { maximumConcurrency: 3 }, { team: "engines" }],
  );
  const queue = inputs(registrations, QUEUE_TYPE, "start-engines-buffer");
  assert.deepEqual([queue["visibilityTimeoutSeconds"], queue["messageRetentionSeconds"]], [400, 2 * 86_400]);
  assert.match(String(queue["redrivePolicy"]), /"maxReceiveCount":7/);
});

test("the defaults fit the other arguments", () => {
  assert.equal(bufferOf({ buffered: true, timeout: 100 })?.visibilityTimeoutSeconds, 601);
  assert.equal(bufferOf({ buffered: { maximumBatchingWindowSeconds: 5 } })?.visibilityTimeoutSeconds, 185);
  assert.equal(bufferOf({ buffered: true, queueRetentionDays: 2 })?.retentionDays, 2);
  assert.equal(bufferOf({ buffered: false }), undefined);
  assert.equal(bufferOf({}), undefined);
});

test("on the way back the rules invoke the function, and the queue is still emptied", async () => {
  const { registrations, result } = await deploy({ drain: true });
  assert.deepEqual(targets(registrations), [FUNCTION, FUNCTION]);
  const made = named(registrations);
  for (const there of [`${MAPPING} start-engines`, `${QUEUE_TYPE} start-engines-buffer`]) assert.ok(made.includes(there));
  assert.equal(made.filter((one) => one.startsWith("aws:lambda/permission:")).length, 2);
  assert.ok(result.bufferQueueUrl !== undefined);
});

test("its alarms tell of messages that wait, fail, or failed for good", async () => {
  const { registrations } = await deploy(true, { alarms: { bufferAgeSeconds: 120 } });
  const told = (suffix: string) => {
    const alarm = inputs(registrations, ALARM, `start-engines-${suffix}`);
    return [alarm["namespace"], alarm["metricName"], alarm["dimensions"], alarm["threshold"]];
  };
  assert.deepEqual(told("buffer-age"), [
    "AWS/SQS",
    "ApproximateAgeOfOldestMessage",
    { QueueName: "start-engines-buffer" },
    120,
  ]);
  assert.deepEqual(told("buffer-dead-letters"), [
    "AWS/SQS",
    "ApproximateNumberOfMessagesVisible",
    { QueueName: "start-engines-buffer-dead-letters" },
    0,
  ]);
  assert.deepEqual(told("messages-failed"), ["StartEngines", "EventsFailed", { FunctionName: "start-engines" }, 0]);
});

test("the dashboard shows the queue's depth and age, and its dead letters among what failed", async () => {
  const { registrations } = await deploy(true);
  const body = JSON.parse(String(inputs(registrations, "aws:cloudwatch/dashboard:Dashboard")["dashboardBody"])) as {
    widgets: { properties: { title: string; metrics: [string, string, string, string][] } }[];
  };
  const charts = new Map(body.widgets.map(({ properties }) => [properties.title, properties.metrics]));
  const shown = (title: string) => charts.get(title)?.map(([, name, , queue]) => `${name} ${queue}`);
  assert.deepEqual(shown("Messages in the buffer"), [
    "ApproximateNumberOfMessagesVisible start-engines-buffer",
    "ApproximateNumberOfMessagesNotVisible start-engines-buffer",
  ]);
  assert.deepEqual(shown("Age of the oldest message in the buffer, s"), [
    "ApproximateAgeOfOldestMessage start-engines-buffer",
  ]);
  assert.ok(shown("Messages in the queues")?.includes("ApproximateNumberOfMessagesVisible start-engines-buffer-dead-letters"));
});

test("the outputs tell where messages are, and where those that failed", async () => {
  const { result } = await deploy(true);
  const { bufferQueueUrl, bufferDeadLetterQueueUrl } = result;
  const urls = await new Promise((resolve) => {
    pulumi.all([bufferQueueUrl, bufferDeadLetterQueueUrl]).apply(resolve);
  });
  const url = "https://sqs.us-east-1.amazonaws.com/111122223333/start-engines-buffer";
  assert.deepEqual(urls, [url, `${url}-dead-letters`]);
});

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
    { batchSize: 10, maximumBatchingWindowSeconds: 0 },
    { batchSize: 10_000, maximumBatchingWindowSeconds: 300, visibilityTimeoutSeconds: 480 },
    { maximumConcurrency: 1000, maxReceiveCount: 1000, retentionDays: 14, drain: true },
  ]) {
    assert.deepEqual(problemsOf(buffered), [], JSON.stringify(buffered));
  }
});

test("each wrong setting is named with value and rule", () => {
  const at = "args.buffered.";
  const cases: [buffered: unknown, problem: string, change?: Record<string, unknown>][] = [
    ["yes", 'args.buffered = "yes": must be true, false or an object of settings'],
    [{ batchSize: 10_001 }, `${at}batchSize = 10001: must be a whole number from 1 to 10000`],
    [{ maximumBatchingWindowSeconds: 301 }, `${at}maximumBatchingWindowSeconds = 301: must be a whole number from 0 to 300`],
    [{ maximumBatchingWindowSeconds: 0 }, `${at}maximumBatchingWindowSeconds = 0: must be at least 1 where batchSize is more`],
    [
      { batchSize: 11, maximumBatchingWindowSeconds: 0 },
      `${at}maximumBatchingWindowSeconds = 0: must be at least 1 where batchSize is more than 10`,
    ],
    [{ maximumConcurrency: 1 }, `${at}maximumConcurrency = 1: must be a whole number from 2 to 1000`],
    [
      { maximumConcurrency: 4 },
      `${at}maximumConcurrency = 4: must be at most reservedConcurrency, 3: Lambda would throttle the rest`,
      { reservedConcurrency: 3 },
    ],
    [true, `${at}maximumConcurrency = 2: must be at most reservedConcurrency, 1`, { reservedConcurrency: 1 }],
    [{ maxReceiveCount: 4 }, `${at}maxReceiveCount = 4: must be a whole number from 5 to 1000`],
    [
      { maxReceiveCount: 1000, visibilityTimeoutSeconds: 43_200 },
      `${at}maxReceiveCount = 1000: takes 43200000 s, and the queue keeps messages for 4 days only`,
    ],
    [{ visibilityTimeoutSeconds: 180 }, `${at}visibilityTimeoutSeconds = 180: must be at least 181: six times the timeout`],
    [{ visibilityTimeoutSeconds: 300 }, "must be at least 361: six times the timeout of 60 s, and the window", { timeout: 60 }],
    [{ visibilityTimeoutSeconds: 43_201 }, `${at}visibilityTimeoutSeconds = 43201: must be a whole number from 1 to 43200`],
    [{ retentionDays: 15 }, `${at}retentionDays = 15: must be a whole number from 1 to 14`],
    [{ retentionDays: 8 }, `${at}retentionDays = 8: must be at most queueRetentionDays, 7`, { queueRetentionDays: 7 }],
    [{ drain: "yes" }, `${at}drain = "yes": must be true or false`],
    [{ window: 1 }, `${at}window = a number: is not a field of this object`],
    [true, "args.alarms.bufferAgeSeconds = 0: must be a whole number from 1 to 86400", { alarms: { bufferAgeSeconds: 0 } }],
  ];
  for (const [buffered, problem, change] of cases) {
    const found = problemsOf(buffered, change);
    assert.equal(found.length, 1, `${problem}:\n${found.join("\n")}`);
    assert.ok(found[0]?.includes(problem), `${problem}:\n${found.join("\n")}`);
  }
});

test("all problems of the settings are told at once", () => {
  const found = problemsOf({ batchSize: 0, maximumBatchingWindowSeconds: 0, maxReceiveCount: "5", visibilityTimeoutSeconds: 1 });
  for (const name of ["batchSize", "maximumBatchingWindowSeconds", "maxReceiveCount", "visibilityTimeoutSeconds"]) {
    assert.ok(found.some((line) => line.startsWith(`args.buffered.${name} = `)), `${name}: ${found.join("\n")}`);
  }
});
