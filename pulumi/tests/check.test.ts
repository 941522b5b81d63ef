import assert from "node:assert/strict";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { checkArguments } from "../component/src/check";
import { known } from "../component/src/known";
import { ARM64, fakeBundle } from "./support/fakeBundle";
import { CLUSTER, GROUP, leastArguments, soundArguments, TOPIC } from "./support/soundArguments";

function problemsOf(change: Record<string, unknown>, name = "start-engines"): string[] {
  try {
    checkArguments(name, known({ ...soundArguments(), ...change }));
  } catch (error) {
    assert.ok(error instanceof pulumi.RunError);
    return error.message.split("\n  ").slice(1);
  }
  return [];
}

test("sound arguments have no problem, whole or least", () => {
  checkArguments("start-engines", soundArguments());
  checkArguments("start-engines", leastArguments());
});

test("each wrong argument is named with value and rule", () => {
  const service = soundArguments().services?.["auth"];
  const withService = (change: object) => ({ services: { auth: { ...service, ...change } } });
  const withSchedule = (change: object) => ({ schedules: { morning: { service: "auth", start: "rate(1 day)", ...change } } });
  const other = GROUP.replace("/auth/", "/other/");
  const group = (arn: string) => ({ targetGroups: { auth: { arn } }, services: {}, schedules: {}, defaults: {} });
  const cases: [change: Record<string, unknown>, problem: string][] = [
    [{ clusters: [] }, "args.clusters is missing: must have at least one item"],
    [{ taskFamilies: [] }, "args.taskFamilies is missing: must have at least one item"],
    [{ sources: [] }, "args.sources is missing: must have at least one item"],
    [{ targetGroups: {} }, "args.targetGroups is missing: name at least one target group"],
    [{ taskRoles: undefined }, "args.taskRoles is missing: the task roles"],
    [{ clusters: ["engines"] }, 'args.clusters[0] = "engines": must be a cluster ARN'],
    [{ clusters: [CLUSTER, CLUSTER] }, `args.clusters[1] = "${CLUSTER}": is given twice`],
    [{ taskFamilies: ["auth:7"] }, 'args.taskFamilies[0] = "auth:7": must be a task definition family'],
    [group("auth"), 'args.targetGroups.auth.arn = "auth": must be a target group ARN'],
    [{ taskRoles: ["auth"] }, 'args.taskRoles[0] = "auth": must be a role ARN'],
    [{ infrastructureRoles: [TOPIC] }, `args.infrastructureRoles[0] = "${TOPIC}": must be a role ARN`],
    [{ iamPrefixes: { families: ["auth"] } }, 'args.iamPrefixes.families[0] = "auth": must be the beginning of a name and a trailing *: engine-*'],
    [{ iamPrefixes: { families: ["*"] } }, 'args.iamPrefixes.families[0] = "*": must be the beginning of a name'],
    [{ iamPrefixes: { targetGroups: ["a*b*"] } }, 'args.iamPrefixes.targetGroups[0] = "a*b*": must be the beginning of a name'],
    [{ iamPrefixes: { roles: ["a?*"] } }, 'args.iamPrefixes.roles[0] = "a?*": must be the beginning of a name and a trailing *: engine-* or engines/task-*'],
    [{ iamPrefixes: { roles: [] } }, "args.iamPrefixes.roles is missing: must have at least one item; leave it out"],
    [{ iamPrefixes: { groups: ["a*"] } }, "args.iamPrefixes.groups = an array of 1: is not a field of this object"],
    [{ iamPrefixes: { families: ["b*"] } }, 'args.taskFamilies[0] = "auth": begins with none of args.iamPrefixes.families, and IAM would deny it'],
    [{ iamPrefixes: { targetGroups: ["auth-*"] } }, `args.targetGroups.auth.arn = "${GROUP.slice(0, 80)}`],
    [{ iamPrefixes: { roles: ["auth-*"] } }, 'args.infrastructureRoles[0] = "arn:aws:iam::111122223333:role/volumes": begins with none of args.iamPrefixes.roles'],
    [{ sources: ["aws.ecs"] }, 'args.sources[0] = "aws.ecs": must not begin with aws.'],
    [{ sources: ["start-engines.operator"] }, 'args.sources[0] = "start-engines.operator": is a source of operators'],
    [{ sources: ["start-engines.schedules.x"] }, 'args.sources[0] = "start-engines.schedules.x": is a source of schedules'],
    [{ deployment: "a,b" }, 'args.deployment = "a,b": must be 1 to 256 letters, digits'],
    [{ deployment: "AWS:x" }, 'args.deployment = "AWS:x": must be 1 to 256 letters, digits'],
    [{ deployment: "" }, "args.deployment = \"\": must be 1 to 256 letters, digits"],
    [{ settingsLayerArn: "signed" }, 'args.settingsLayerArn = "signed": must be the ARN of a layer\'s version'],
    [{ codeSigningConfigArn: "x" }, 'args.codeSigningConfigArn = "x": must be the ARN of a code signing configuration'],
    [{ apiRates: "RunTask=0" }, 'args.apiRates = "RunTask=0": 0 must be a number from 0.1 to 1000'],
    [{ apiRates: "RunTask=1:0" }, 'args.apiRates = "RunTask=1:0": 0 must be a number of calls at once, from 1 to 1000'],
    [{ apiRates: "runtask=1" }, 'args.apiRates = "runtask=1": runtask cannot have a rate: it must be one of RunTask, StopTask, TagResource, DescribeTasks, ListTasks, RegisterTargets, DeregisterTargets, DescribeTargetHealth, DescribeTargetGroups, DescribeNetworkInterfaces'],
    [{ apiRates: "RunTask=1,RunTask=2" }, 'args.apiRates = "RunTask=1,RunTask=2": RunTask is given twice'],
    [{ outcomeEventBus: "a bus" }, 'args.outcomeEventBus = "a bus": must be the name or ARN of an event bus'],
    [{ sources: ["start-engines"] }, 'args.sources[0] = "start-engines": is the source of outcome events: applications need another'],
    [{ eventBus: "a bus" }, 'args.eventBus = "a bus": must be the name or ARN of an event bus'],
    [{ alarms: { topicArn: "me" } }, 'args.alarms.topicArn = "me": must be the ARN of a standard SNS topic'],
    [{ alarms: { topicArn: `${TOPIC}.fifo` } }, "must be the ARN of a standard SNS topic"],
    [{ alarms: { periodSeconds: 90 } }, "args.alarms.periodSeconds = 90: must be a multiple of 60"],
    [{ code: "nowhere.zip" }, 'args.code = "nowhere.zip": cannot be read (ENOENT): run make package first'],
    [{ code: fakeBundle(ARM64) }, "is built for arm64, not for x86_64: run make package ARCH=x86_64"],
    [{ architecture: "riscv" }, 'args.architecture = "riscv": must be one of x86_64, arm64'],
    [{ timeout: 10 }, "args.timeout = 10: must be a whole number from 30 to 900"],
    [{ reservedConcurrency: -1 }, "args.reservedConcurrency = -1: must be a whole number from 0 to 100000"],
    [{ logRetentionDays: 31 }, "args.logRetentionDays = 31: must be one of 1, 3, 5"],
    [{ delivery: { maximumRetryAttempts: 186 } }, "args.delivery.maximumRetryAttempts = 186: must be"],
    [{ invocation: { maximumEventAgeSeconds: 86_400 } }, "args.invocation.maximumEventAgeSeconds = 86400: must be"],
    [{ queueRetentionDays: 15 }, "args.queueRetentionDays = 15: must be a whole number from 1 to 14"],
    [{ functionName: "a b" }, 'args.functionName = "a b": the function\'s name has'],
    [{ tags: { team: 5 } }, "args.tags.team = 5: must be a text"],
    [{ catalogOnly: "yes" }, 'args.catalogOnly = "yes": must be true or false'],
    [{ services: {}, schedules: {} }, "args.services is missing: catalogOnly allows starts of services only"],
    [{ services: undefined, schedules: {} }, "args.services is missing: catalogOnly allows starts of services only"],
    [
      withService({ overridable: ["count", "Subnets", 5] }),
      'args.services.auth.overridable[1] = "Subnets": must be the name of a field of a start: did you mean `subnets`?',
    ],
    [withService({ overridable: ["typo"] }), 'args.services.auth.overridable[0] = "typo": must be the name of a field of a start'],
    [{ typo: 5 }, "args.typo = a number: is not a field of this object"],
    [withService({ port: 0, targets: undefined, targetGroupArn: GROUP }), "args.services.auth.port = 0: must be"],
    [withService({ targets: [{ targetGroupArn: other, port: 1 }] }), "is not in args.targetGroups"],
    [withService({ cluster: "other" }), 'args.services.auth.cluster = "other": is not in args.clusters'],
    [withService({ taskDefinition: "other:1" }), 'args.services.auth.taskDefinition = "other:1": its family is not in'],
    [
      withService({ overrides: { taskRoleArn: "arn:aws:iam::111122223333:role/admin" } }),
      'args.services.auth.overrides.taskRoleArn = a text of 36 characters: is not in args.taskRoles',
    ],
    [
      withService({ volumeConfigurations: [{ name: "v", managedEBSVolume: { roleArn: "r" } }] }),
      'args.services.auth.volumeConfigurations[0].managedEBSVolume.roleArn = "r": is not in args.infrastructureRoles',
    ],
    [{ defaults: { targetGroupArn: other } }, `args.defaults.targetGroupArn = "${other.slice(0, 80)}`],
    [withSchedule({ service: "billing" }), 'args.schedules.morning.service = "billing": must be one of services: auth'],
    [
      { ...withSchedule({}), services: { auth: { targets: [] } }, defaults: {} },
      'args.schedules.morning.service = "auth": the service lacks cluster, and so do the defaults',
    ],
    [withSchedule({ start: "0 7 * * *" }), 'args.schedules.morning.start = "0 7 * * *": must be cron(six fields)'],
    [withSchedule({ start: "cron(0 7 * * * *)" }), 'args.schedules.morning.start = "cron(0 7 * * * *)": exactly one of day-of-month'],
    [withSchedule({ maxAgeSeconds: -1 }), "args.schedules.morning.maxAgeSeconds = -1: must be a whole number from 0 to 86400"],
    [{ reconcileSchedule: "hourly" }, 'args.reconcileSchedule = "hourly": must be cron(six fields)'],
    [withSchedule({ timezone: "Berlin" }), 'args.schedules.morning.timezone = "Berlin": must be an IANA time zone'],
    [{ healthTimeoutSeconds: 3_601 }, "args.healthTimeoutSeconds = 3601: must be a whole number from 0 to 3600"],
    [{ startTimeoutSeconds: 86_401 }, "args.startTimeoutSeconds = 86401: must be a whole number from 0 to 86400"],
    [withSchedule({ stop: "19:00" }), 'args.schedules.morning.stop = "19:00": must be cron(six fields)'],
    [withSchedule({ start: undefined }), "args.schedules.morning.start is missing: give start, stop or both"],
    [{ clusters: [CLUSTER.replace("us-east-1", "eu-west-1")] }, "must be in account 111122223333 and region eu-west-1"],
  ];
  for (const [change, problem] of cases) {
    const found = problemsOf(change);
    assert.ok(found.some((line) => line.includes(problem)), `${problem}:\n${found.join("\n")}`);
  }
});

test("topic and outcome bus may be of another account in the same region, and nothing else may be", () => {
  const elsewhere = (text: string) => text.replace("111122223333", "444455556666");
  const bus = "arn:aws:events:us-east-1:111122223333:event-bus/outcomes";
  assert.deepEqual(problemsOf({ outcomeEventBus: elsewhere(bus), alarms: { topicArn: elsewhere(TOPIC) } }), []);
  const there = (text: string) => text.replace("us-east-1", "eu-west-1");
  const rule = "must be in region us-east-1, like all other ARNs; the account may be another";
  assert.deepEqual(problemsOf({ outcomeEventBus: there(bus), alarms: { topicArn: there(TOPIC) } }), [
    `args.outcomeEventBus = "${there(bus)}": ${rule}`,
    `args.alarms.topicArn = "${there(TOPIC)}": ${rule}`,
  ]);
  assert.deepEqual(problemsOf({ eventBus: elsewhere(bus) }), [
    `args.eventBus = "${elsewhere(bus)}": must be in account 111122223333 and region us-east-1, like all other ARNs`,
  ]);
  // Of what is known, nothing tells yet where the function is.
  const later = pulumi.output("later");
  const unknown = { clusters: [later], targetGroups: { auth: { arn: later } }, defaults: {}, services: {}, schedules: {}, catalogOnly: false };
  assert.deepEqual(problemsOf({ ...unknown, outcomeEventBus: elsewhere(bus) }), []);
});

test("a service with a wrong field name gets the right one suggested, and its schedule does not call that field missing", () => {
  const { cluster, ...service } = soundArguments().services?.["auth"] ?? {};
  const found = problemsOf({ services: { auth: { ...service, Cluster: cluster } }, defaults: {} });
  assert.deepEqual(found, [
    "args.services.auth.Cluster = a text of 50 characters: is not a field of this object: did you mean `cluster`? Names are camelCase",
  ]);
});

test("the nested network configuration of RunTask is one of a complete service", () => {
  const { subnets, securityGroups, ...service } = soundArguments().services?.["auth"] ?? {};
  const nested = { ...service, networkConfiguration: { awsvpcConfiguration: { subnets, securityGroups } } };
  assert.deepEqual(problemsOf({ services: { auth: nested }, defaults: {} }), []);
});

test("all problems are reported at once", () => {
  const found = problemsOf({ clusters: [], timeout: 1, schedules: { a: { service: "x" } }, code: 7 });
  for (const place of ["args.clusters", "args.timeout", "args.schedules.a.start", "args.schedules.a.service", "args.code"]) {
    assert.ok(found.some((line) => line.startsWith(place)), `${place}: ${found.join("\n")}`);
  }
});

test("the component's own name is the function's, and keeps its rule", () => {
  assert.match(problemsOf({}, "a.b")[0] ?? "", /^name = "a\.b": the function's name/);
});

test("what is known only after other resources exist is no problem", () => {
  const later = pulumi.output("later");
  const change = { clusters: [later], targetGroups: { auth: { arn: later } }, eventBus: later, taskFamilies: [later] };
  assert.deepEqual(problemsOf(change), []);
});
