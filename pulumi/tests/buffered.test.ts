/** Buffered mode: two queues between the rules and the function. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { apiRates, sharedRates } from "../component/src/apiRates";
import { bufferOf, type Kind } from "../component/src/buffered";
import { type BufferedArgs, StartEngines, type StartEnginesArgs } from "../component/src/index";
import { type Registration, registrationsOf } from "./support/mocks";
import { soundArguments } from "./support/soundArguments";

const FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";
const REQUESTS = "arn:aws:sqs:us-east-1:111122223333:start-engines-requests";
const STATE_CHANGES = "arn:aws:sqs:us-east-1:111122223333:start-engines-state-changes";
/** By what the names of their resources end with. */
const QUEUES = { requests: REQUESTS, "state-changes": STATE_CHANGES };
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
  assert.ok(!named(direct.registrations).some((made) => made.startsWith(MAPPING)));
  const { requestQueueUrl, requestDeadLetterQueueUrl, stateChangeQueueUrl, stateChangeDeadLetterQueueUrl } = direct.result;
  const urls = [requestQueueUrl, requestDeadLetterQueueUrl, stateChangeQueueUrl, stateChangeDeadLetterQueueUrl];
  assert.deepEqual(urls, [undefined, undefined, undefined, undefined]);
});

test("buffered, there are two queues with a dead-letter queue each in place of the rules' permissions", async () => {
  const [direct, buffered] = [named((await deploy(false)).registrations), named((await deploy(true)).registrations)];
  assert.deepEqual(buffered.filter((made) => !direct.includes(made)).sort(), [
    `${ALARM} start-engines-messages-failed`,
    `${ALARM} start-engines-request-dead-letter-queue`,
    `${ALARM} start-engines-request-queue-age`,
    `${ALARM} start-engines-state-change-dead-letter-queue`,
    `${ALARM} start-engines-state-change-queue-age`,
    `${MAPPING} start-engines-requests`,
    `${MAPPING} start-engines-state-changes`,
    `${QUEUE_TYPE} start-engines-requests`,
    `${QUEUE_TYPE} start-engines-requests-dead-letters`,
    `${QUEUE_TYPE} start-engines-state-changes`,
    `${QUEUE_TYPE} start-engines-state-changes-dead-letters`,
    "aws:sqs/queuePolicy:QueuePolicy start-engines-requests",
    "aws:sqs/queuePolicy:QueuePolicy start-engines-requests-dead-letters",
    "aws:sqs/queuePolicy:QueuePolicy start-engines-state-changes",
    "aws:sqs/queuePolicy:QueuePolicy start-engines-state-changes-dead-letters",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy start-engines-requests-dead-letters",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy start-engines-state-changes-dead-letters",
  ]);
  assert.deepEqual(direct.filter((made) => !buffered.includes(made)), [
    "aws:lambda/permission:Permission start-engines-requests",
    "aws:lambda/permission:Permission start-engines-state-change",
  ]);
});

test("each rule feeds its queue, with the rules' dead-letter queue for what does not reach it", async () => {
  const { registrations } = await deploy(true);
  for (const [suffix, queue] of [["requests", REQUESTS], ["state-change", STATE_CHANGES]] as const) {
    const target = inputs(registrations, "aws:cloudwatch/eventTarget:EventTarget", `start-engines-${suffix}`);
    assert.equal(target["arn"], queue);
    assert.deepEqual(target["deadLetterConfig"], { arn: "arn:aws:sqs:us-east-1:111122223333:start-engines-undelivered" });
    assert.deepEqual(target["retryPolicy"], { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 185 });
    // The same as without a queue: so another mode changes the target, and makes no second one beside it.
    assert.equal(target["targetId"], "function");
  }
});

test("the queues keep messages encrypted for days, and hide them as long as AWS advises", async () => {
  const { registrations } = await deploy(true);
  for (const [suffix, seconds] of [["requests", 6 * 30], ["state-changes", 6 * 30 + 3]] as const) {
    const queue = inputs(registrations, QUEUE_TYPE, `start-engines-${suffix}`);
    assert.equal(queue["messageRetentionSeconds"], 4 * 86_400);
    assert.equal(queue["visibilityTimeoutSeconds"], seconds);
    assert.equal(queue["sqsManagedSseEnabled"], true);
    const deadLetterTargetArn = `${QUEUES[suffix]}-dead-letters`;
    assert.deepEqual(JSON.parse(String(queue["redrivePolicy"])), { deadLetterTargetArn, maxReceiveCount: 5 });
  }
});

test("each dead-letter queue keeps them longer, and takes them of its own queue only", async () => {
  const { registrations } = await deploy(true);
  for (const [suffix, arn] of Object.entries(QUEUES)) {
    const name = `start-engines-${suffix}-dead-letters`;
    const queue = inputs(registrations, QUEUE_TYPE, name);
    assert.deepEqual([queue["messageRetentionSeconds"], queue["sqsManagedSseEnabled"]], [14 * 86_400, true]);
    const allowed = inputs(registrations, "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", name);
    assert.deepEqual(JSON.parse(String(allowed["redriveAllowPolicy"])), {
      redrivePermission: "byQueue",
      sourceQueueArns: [arn],
    });
  }
});

test("the function takes batches of each queue, and reports which messages failed", async () => {
  const { registrations } = await deploy(true);
  const batches = { requests: [10, 0], "state-changes": [1000, 3] } as const;
  for (const suffix of ["requests", "state-changes"] as const) {
    const { tags, ...rest } = inputs(registrations, MAPPING, `start-engines-${suffix}`);
    assert.equal(tags, undefined);
    assert.deepEqual(rest, {
      batchSize: batches[suffix][0],
      eventSourceArn: QUEUES[suffix],
      functionName: "start-engines",
      functionResponseTypes: ["ReportBatchItemFailures"],
      maximumBatchingWindowInSeconds: batches[suffix][1],
      scalingConfig: { maximumConcurrency: 2 },
    });
  }
});

test("every setting is what was asked for, of the one queue and not of the other", async () => {
  const asked = {
    batchSize: 500,
    maximumBatchingWindowSeconds: 2,
    maximumConcurrency: 3,
    maxReceiveCount: 7,
    visibilityTimeoutSeconds: 400,
    retentionDays: 2,
  };
  for (const [kind, suffix, other] of [["requests", "requests", "state-changes"], ["stateChanges", "state-changes", "requests"]] as const) {
    const { registrations } = await deploy({ [kind]: asked }, { tags: { team: "engines" } });
    const configured = (name: string) => {
      const mapping = inputs(registrations, MAPPING, `start-engines-${name}`);
      const queue = inputs(registrations, QUEUE_TYPE, `start-engines-${name}`);
      const { maxReceiveCount } = JSON.parse(String(queue["redrivePolicy"])) as { maxReceiveCount: number };
      const { maximumConcurrency } = mapping["scalingConfig"] as { maximumConcurrency: number };
      assert.deepEqual(mapping["tags"], { team: "engines" });
      return {
        batchSize: mapping["batchSize"],
        maximumBatchingWindowSeconds: mapping["maximumBatchingWindowInSeconds"],
        maximumConcurrency,
        maxReceiveCount,
        visibilityTimeoutSeconds: queue["visibilityTimeoutSeconds"],
        retentionDays: Number(queue["messageRetentionSeconds"]) / 86_400,
      };
    };
    assert.deepEqual(configured(suffix), asked);
    const defaults = bufferOf({ buffered: true });
    assert.deepEqual(configured(other), kind === "requests" ? defaults?.stateChanges : defaults?.requests);
  }
});

test("the defaults fit the other arguments", () => {
  assert.equal(bufferOf({ buffered: true, timeout: 100 })?.requests.visibilityTimeoutSeconds, 600);
  const window = { maximumBatchingWindowSeconds: 5 };
  assert.equal(bufferOf({ buffered: { stateChanges: window } })?.stateChanges.visibilityTimeoutSeconds, 185);
  assert.equal(bufferOf({ buffered: true, queueRetentionDays: 2 })?.requests.retentionDays, 2);
  assert.equal(bufferOf({ buffered: false }), undefined);
  assert.equal(bufferOf({}), undefined);
});

test("the defaults are what the load simulation shows the figures of", () => {
  const source = readFileSync(path.join(__dirname, "../../tests/load/src/parameters.rs"), "utf8");
  const number = (text = "") => Number(text.replaceAll("_", ""));
  const batches = (name: string) => {
    const [, size, window] = new RegExp(`const ${name}: Batches = Batches {\\s*size: ([\\d_]+),\\s*window: ([\\d_]+),?\\s*}`).exec(source) ?? [];
    return [number(size), number(window) / 1000];
  };
  const pullers = number(/const PULLERS: usize = (\d+);/.exec(source)?.[1]);
  const receives = number(/const MAX_RECEIVES: u32 = (\d+);/.exec(source)?.[1]);
  const rates = /const RATES: &str = "([^"]*)"/.exec(source)?.[1]?.replaceAll(/\\\n\s*/g, "");
  const buffer = bufferOf({ buffered: true });
  assert.ok(buffer !== undefined);
  const ofComponent = (kind: Kind) => {
    const { batchSize, maximumBatchingWindowSeconds, maximumConcurrency, maxReceiveCount } = buffer[kind];
    return [batchSize, maximumBatchingWindowSeconds, maximumConcurrency, maxReceiveCount];
  };
  for (const [kind, name] of [["requests", "REQUESTS"], ["stateChanges", "CHANGES"]] as const) {
    assert.deepEqual(ofComponent(kind), [...batches(name), pullers, receives]);
  }
  assert.equal(sharedRates(buffer), rates);
});

test("the function keeps to its share of AWS's limits, unless another one is given", async () => {
  const { apiRates: given, ...rest } = soundArguments();
  const ratesOf = async (args: StartEnginesArgs) => {
    const { registrations, result } = await registrationsOf(() => new StartEngines("start-engines", args));
    const { variables } = inputs(registrations, "aws:lambda/function:Function")["environment"] as { variables: Record<string, string> };
    const ofCommand = await new Promise<Record<string, string>>((resolve) => {
      result.commandEnvironment.apply(resolve);
    });
    assert.ok(!("API_RATES" in ofCommand));
    return variables["API_RATES"];
  };
  assert.equal(
    await ratesOf({ ...rest, buffered: true }),
    "RunTask=10:10,DescribeTasks+ListTasks=10:50,RegisterTargets+DeregisterTargets=2:10,DescribeTargetGroups+DescribeTargetHealth=5:20,DescribeNetworkInterfaces=10:50",
  );
  assert.equal(await ratesOf({ ...rest, apiRates: "RunTask=3", buffered: true }), "RunTask=3");
  assert.equal(await ratesOf(rest), undefined);
  assert.ok(given !== undefined);
});

test("more batches at a time have smaller shares, which the function takes", () => {
  const shares = (maximumConcurrency: number) => {
    const buffer = bufferOf({ buffered: { requests: { maximumConcurrency }, stateChanges: { maximumConcurrency } } });
    assert.ok(buffer !== undefined);
    return sharedRates(buffer);
  };
  assert.match(shares(3), /^RunTask=6\.66:6,.*,RegisterTargets\+DeregisterTargets=1\.33:6,/);
  for (const batches of [2, 3, 7, 100, 1000]) assert.equal(apiRates(shares(batches)), undefined);
});

test("on the way back the rules invoke the function, and both queues are still emptied", async () => {
  const { registrations, result } = await deploy({ drain: true });
  assert.deepEqual(targets(registrations), [FUNCTION, FUNCTION]);
  const made = named(registrations);
  for (const suffix of Object.keys(QUEUES)) {
    for (const type of [MAPPING, QUEUE_TYPE]) assert.ok(made.includes(`${type} start-engines-${suffix}`));
  }
  assert.equal(made.filter((one) => one.startsWith("aws:lambda/permission:")).length, 2);
  assert.ok(result.requestQueueUrl !== undefined && result.stateChangeQueueUrl !== undefined);
});

test("its alarms report messages that wait, fail, or failed for good", async () => {
  const { registrations } = await deploy(true, { alarms: { bufferAgeSeconds: 120 } });
  const watched = (suffix: string) => {
    const alarm = inputs(registrations, ALARM, `start-engines-${suffix}`);
    return [alarm["namespace"], alarm["metricName"], alarm["dimensions"], alarm["threshold"]];
  };
  for (const suffix of Object.keys(QUEUES)) {
    const QueueName = `start-engines-${suffix}`;
    const label = suffix.slice(0, -1);
    assert.deepEqual(watched(`${label}-queue-age`), ["AWS/SQS", "ApproximateAgeOfOldestMessage", { QueueName }, 120]);
    assert.deepEqual(watched(`${label}-dead-letter-queue`), [
      "AWS/SQS",
      "ApproximateNumberOfMessagesVisible",
      { QueueName: `${QueueName}-dead-letters` },
      0,
    ]);
  }
  assert.deepEqual(watched("messages-failed"), ["StartEngines", "EventsFailed", { FunctionName: "start-engines" }, 0]);
});

test("the dashboard shows depth and age of both queues, and their dead letters among what failed", async () => {
  const { registrations } = await deploy(true);
  const body = JSON.parse(String(inputs(registrations, "aws:cloudwatch/dashboard:Dashboard")["dashboardBody"])) as {
    widgets: { properties: { title: string; metrics: [string, string, string, string][] } }[];
  };
  const charts = new Map(body.widgets.map(({ properties }) => [properties.title, properties.metrics]));
  const shown = (title: string) => charts.get(title)?.map(([, name, , queue]) => `${name} ${queue}`);
  assert.deepEqual(shown("Messages before the function"), [
    "ApproximateNumberOfMessagesVisible start-engines-requests",
    "ApproximateNumberOfMessagesNotVisible start-engines-requests",
    "ApproximateNumberOfMessagesVisible start-engines-state-changes",
    "ApproximateNumberOfMessagesNotVisible start-engines-state-changes",
  ]);
  assert.deepEqual(shown("Age of the oldest message before the function, s"), [
    "ApproximateAgeOfOldestMessage start-engines-requests",
    "ApproximateAgeOfOldestMessage start-engines-state-changes",
  ]);
  assert.deepEqual(shown("Messages in the on-failure and dead-letter queues")?.slice(-2), [
    "ApproximateNumberOfMessagesVisible start-engines-requests-dead-letters",
    "ApproximateNumberOfMessagesVisible start-engines-state-changes-dead-letters",
  ]);
});

test("the outputs have the URLs of all queues", async () => {
  const { result } = await deploy(true);
  const { requestQueueUrl, requestDeadLetterQueueUrl, stateChangeQueueUrl, stateChangeDeadLetterQueueUrl } = result;
  const urls = await new Promise((resolve) => {
    const all = [requestQueueUrl, requestDeadLetterQueueUrl, stateChangeQueueUrl, stateChangeDeadLetterQueueUrl];
    pulumi.all(all).apply(resolve);
  });
  const url = "https://sqs.us-east-1.amazonaws.com/111122223333/start-engines-";
  const names = ["requests", "requests-dead-letters", "state-changes", "state-changes-dead-letters"];
  assert.deepEqual(urls, names.map((name) => url + name));
});

test("the command gets the URLs of the dead-letter queues, and a person may receive their messages only", async () => {
  const { registrations, result } = await deploy(true);
  const environment = await new Promise<Record<string, string>>((resolve) => {
    result.commandEnvironment.apply(resolve);
  });
  assert.match(environment["START_ENGINES_REQUEST_DEAD_LETTER_QUEUE_URL"] ?? "", /start-engines-requests-dead-letters$/);
  assert.match(environment["START_ENGINES_STATE_CHANGE_DEAD_LETTER_QUEUE_URL"] ?? "", /start-engines-state-changes-dead-letters$/);
  assert.match(environment["START_ENGINES_REQUEST_QUEUE_URL"] ?? "", /start-engines-requests$/);
  assert.match(environment["START_ENGINES_STATE_CHANGE_QUEUE_URL"] ?? "", /start-engines-state-changes$/);
  const policy = JSON.parse(String(inputs(registrations, "aws:iam/policy:Policy", "start-engines-operators")["policy"])) as {
    Statement: { Sid: string; Resource: string[] }[];
  };
  const { Resource } = policy.Statement.find(({ Sid }) => Sid === "TakeFailedEvents") ?? {};
  const names = ["failures", "undelivered", "requests-dead-letters", "state-changes-dead-letters"];
  assert.deepEqual(Resource, names.map((name) => `arn:aws:sqs:us-east-1:111122223333:start-engines-${name}`));
});
