/** Single alarms: left out, with another threshold, or another topic. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { alarmSuffixes } from "../component/src/alarms";
import { checkArguments } from "../component/src/check";
import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { known } from "../component/src/known";
import { type Registration, registrationsOf } from "./support/mocks";
import { leastArguments, soundArguments, TOPIC } from "./support/soundArguments";

async function alarmsOf(args: StartEnginesArgs): Promise<Record<string, Registration["inputs"]>> {
  const { registrations } = await registrationsOf(() => new StartEngines("start-engines", args));
  const alarms = registrations.filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm");
  return Object.fromEntries(alarms.map(({ inputs }) => [String(inputs["name"]).replace("start-engines-", ""), inputs]));
}

function problemsOf(change: Record<string, unknown>): string[] {
  try {
    checkArguments("start-engines", known({ ...soundArguments(), ...change }));
  } catch (error) {
    return (error as Error).message.split("\n  ").slice(1);
  }
  return [];
}

test("the names that are accepted are those of the alarms that are made", async () => {
  const all = { outcomes: true, reconciles: true, buffered: true, groups: ["auth", "auth-tcp"] };
  const buffered = { ...soundArguments(), buffered: true };
  assert.deepEqual(Object.keys(await alarmsOf(buffered)).sort(), alarmSuffixes(all).sort());
  const least = { ...leastArguments(), reconcileSchedule: "off" };
  const none = { outcomes: false, reconciles: false, buffered: false, groups: [] };
  assert.deepEqual(Object.keys(await alarmsOf(least)).sort(), alarmSuffixes(none).sort());
  // And each of them can be left out.
  const each = Object.fromEntries(alarmSuffixes(all).map((suffix) => [suffix, false as const]));
  assert.deepEqual(await alarmsOf({ ...buffered, alarms: { each } }), {});
});

test("one is left out, one is raised later, one goes elsewhere, and the others stay as they are", async () => {
  const pager = TOPIC.replace("alarms", "pager");
  const each = { throttles: false, "starts-failed": { threshold: 5 }, "unhealthy-auth": { topicArn: pager, threshold: 1 } } as const;
  const plain = await alarmsOf(soundArguments());
  const { throttles, ...others } = plain;
  assert.ok(throttles !== undefined);
  assert.deepEqual(await alarmsOf({ ...soundArguments(), alarms: { topicArn: TOPIC, each } }), {
    ...others,
    "starts-failed": { ...plain["starts-failed"], threshold: 5 },
    "unhealthy-auth": { ...plain["unhealthy-auth"], threshold: 1, alarmActions: [pager], okActions: [pager] },
  });
});

test("the topic of one may be a resource, where the others have none", async () => {
  const { registrations } = await registrationsOf(() => {
    const topicArn = new aws.sns.Topic("pager");
    return new StartEngines("start-engines", { ...soundArguments(), alarms: { each: { errors: { topicArn } } } });
  });
  const actions = registrations.filter(({ inputs }) => "alarmActions" in inputs).map(({ inputs }) => inputs["alarmActions"]);
  assert.deepEqual(actions.filter((one) => (one as string[]).length > 0), [["arn:aws:sns:us-east-1:111122223333:pager"]]);
});

test("an unknown name is a problem with all that there are, and so is what does not fit", () => {
  const have =
    "errors, throttles, failures-lost, duration, rule-dead-letter-queue, on-failure-queue, starts-failed, deadlines-not-set, " +
    "tasks-unhealthy, stops-without-ec2, registration-lag, outcome-events-failed, targets-unknown, unhealthy-auth, unhealthy-auth-tcp";
  const each = {
    error: false,
    "messages-failed": {},
    duration: { threshold: 5 },
    errors: true,
    throttles: { threshold: -1, topicArn: "me", typo: 1 },
  };
  assert.deepEqual(problemsOf({ alarms: { each } }), [
    `args.alarms.each.error = a boolean: is none of this deployment's alarms: ${have}`,
    `args.alarms.each.messages-failed = an object of 0 fields: is none of this deployment's alarms: ${have}`,
    "args.alarms.each.duration.threshold = 5: the limit of this alarm is args.alarms.durationPercent",
    "args.alarms.each.errors = true: must be false, or an object with threshold, topicArn or both",
    "args.alarms.each.throttles.threshold = -1: must be a whole number from 0 to 1000000",
    'args.alarms.each.throttles.topicArn = "me": must be the ARN of a standard SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)',
    "args.alarms.each.throttles.typo = a number: is not a field of this object",
  ]);
  assert.deepEqual(problemsOf({ alarms: { enabled: false, each: { errors: false } } }), [
    "args.alarms.each.errors = a boolean: is none of this deployment's alarms: alarms.enabled is false",
  ]);
});

test("which alarms there are is plain, and their topics may be outputs", () => {
  const rule = "must be a plain value: which resources there are, or what they are called, depends on it";
  assert.deepEqual(problemsOf({ alarms: { each: { errors: pulumi.output(false) } } }), [`args.alarms.each.errors = an output: ${rule}`]);
  assert.deepEqual(problemsOf({ alarms: { each: pulumi.output({}) } }), [`args.alarms.each = an output: ${rule}`]);
  assert.deepEqual(problemsOf({ alarms: { each: { errors: { topicArn: pulumi.output(TOPIC) } } } }), []);
});
