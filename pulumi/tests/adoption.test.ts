/** Arguments as an existing program has them: resources, outputs of whole lists, values that may be undefined. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { checkArguments } from "../component/src/check";
import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { known } from "../component/src/known";
import { fakeBundle } from "./support/fakeBundle";
import { type Registration, registrationsOf } from "./support/mocks";
import { CLUSTER, GROUP, leastArguments, SECURITY_GROUP, soundArguments, SUBNET, TASK_ROLE } from "./support/soundArguments";

type Json = Readonly<Record<string, unknown>>;

function inputsOf(registrations: readonly Registration[], type: string, name = "start-engines"): Json {
  return registrations.find((made) => made.type === type && made.name === name)?.inputs ?? {};
}

function variablesOf(registrations: readonly Registration[]): Readonly<Record<string, string>> {
  const { environment } = inputsOf(registrations, "aws:lambda/function:Function");
  return (environment as { variables: Record<string, string> }).variables;
}

function passedRoles(registrations: readonly Registration[]): unknown {
  const { policy } = inputsOf(registrations, "aws:iam/rolePolicy:RolePolicy");
  const { Statement } = JSON.parse(String(policy)) as { Statement: { Sid: string; Resource: unknown }[] };
  return Statement.find(({ Sid }) => Sid === "PassTaskRoles")?.Resource;
}

/** An output, as of another stack: anything. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as `StackReference.getOutput` returns it
function output(value: unknown): pulumi.Output<any> {
  return pulumi.output(value);
}

test("resources are taken where their ARN, name or id is", async () => {
  const { registrations } = await registrationsOf(() => {
    const role = (name: string) => new aws.iam.Role(name, { assumeRolePolicy: "{}" });
    const cluster = new aws.ecs.Cluster("engines");
    const definition = new aws.ecs.TaskDefinition("auth", {
      family: "auth",
      containerDefinitions: "[]",
      executionRoleArn: role("execution").arn,
    });
    const group = new aws.lb.TargetGroup("auth");
    const balancer = new aws.lb.LoadBalancer("web");
    const subnet = new aws.ec2.Subnet("here", { vpcId: "vpc-0a1b2c3d" });
    const bus = new aws.cloudwatch.EventBus("tenants");
    return new StartEngines("start-engines", {
      code: fakeBundle(),
      clusters: [cluster],
      taskFamilies: [definition],
      targetGroups: { auth: group, web: { arn: new aws.lb.TargetGroup("web"), loadBalancerArn: balancer } },
      infrastructureRoles: [role("volumes")],
      sources: ["app.tenants"],
      services: { auth: { cluster, taskDefinition: "auth", targetGroupArn: group, port: 8080, subnets: [subnet] } },
      eventBus: bus,
      outcomeEventBus: bus,
      alarms: { topicArn: new aws.sns.Topic("people") },
      permissionsBoundary: new aws.iam.Policy("boundary", { policy: "{}" }),
    });
  });
  const variables = variablesOf(registrations);
  assert.equal(variables["ALLOWED_CLUSTERS"], CLUSTER);
  assert.equal(variables["ALLOWED_TASK_FAMILIES"], "auth");
  assert.match(variables["ALLOWED_TARGET_GROUPS"] ?? "", /:targetgroup\/auth\/\w+,.*:targetgroup\/web\/\w+$/);
  assert.equal(variables["OUTCOME_EVENT_BUS"], "tenants");
  // The definition has no task role.
  assert.deepEqual(passedRoles(registrations), ["arn:aws:iam::111122223333:role/execution"]);
  const boundary = inputsOf(registrations, "aws:iam/role:Role")["permissionsBoundary"];
  assert.equal(boundary, "arn:aws:iam::111122223333:policy/boundary");
  assert.equal(inputsOf(registrations, "aws:cloudwatch/eventRule:EventRule", "start-engines-requests")["eventBusName"], "tenants");
  const alarms = registrations.filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm");
  assert.deepEqual(alarms[0]?.inputs["alarmActions"], ["arn:aws:sns:us-east-1:111122223333:people"]);
  // Only one of the two groups has a load balancer.
  assert.deepEqual(alarms.map(({ name }) => name).filter((name) => name.includes("-unhealthy-")), ["start-engines-unhealthy-web"]);
});

test("outputs of whole lists and of values are what the plain ones are", async () => {
  const plain = { ...soundArguments(), memorySize: 512, tags: { team: "tenants" } };
  const { services, defaults, schedules, alarms, ...others } = plain;
  const asOutputs = Object.fromEntries(
    Object.entries(others).map(([name, value]) => {
      const isPlain = ["code", "targetGroups", "reconcileSchedule"].includes(name);
      return [name, isPlain ? value : output(value)];
    }),
  ) as unknown as StartEnginesArgs;
  const fields = (of: object) => Object.fromEntries(Object.entries(of).map(([name, value]) => [name, output(value)]));
  const office = schedules?.["office"];
  assert.ok(office !== undefined);
  const outputs: StartEnginesArgs = {
    ...asOutputs,
    alarms,
    services: { auth: fields(services?.["auth"] ?? {}) },
    defaults: fields(defaults ?? {}),
    schedules: { office: { ...fields(office), service: office.service } },
  };
  const made = async (args: StartEnginesArgs) => {
    const { registrations } = await registrationsOf(() => new StartEngines("start-engines", args));
    const told = registrations.map(({ type, name, inputs }) => [`${type} ${name}`, { ...inputs, code: undefined }] as const);
    return Object.fromEntries(told.sort(([one], [other]) => (one < other ? -1 : 1)));
  };
  assert.deepEqual(await made(outputs), await made(plain));
});

test("outputs deep inside are checked with what is plain around them, and make what plain values make", async () => {
  const args = (text: (value: string) => pulumi.Input<string>, flag: (value: boolean) => pulumi.Input<boolean>): StartEnginesArgs => {
    const { services, ...others } = soundArguments();
    return {
      ...others,
      catalogOnly: flag(true),
      services: { auth: { ...services?.["auth"], targets: [{ targetGroupArn: text(GROUP), port: 8080 }] } },
      schedules: { office: { service: "auth", start: text("rate(1 day)") } },
      vpcConfig: { subnetIds: [SUBNET], securityGroupIds: [text(SECURITY_GROUP)] },
      alarms: { each: { "unhealthy-auth": { topicArn: text("arn:aws:sns:us-east-1:111122223333:people") }, "outcome-events-failed": false } },
    };
  };
  const made = async (given: StartEnginesArgs) => {
    const { registrations } = await registrationsOf(() => new StartEngines("start-engines", given));
    const told = registrations.map(({ type, name, inputs }) => [`${type} ${name}`, { ...inputs, code: undefined }] as const);
    return Object.fromEntries(told.sort(([one], [other]) => (one < other ? -1 : 1)));
  };
  const plain = await made(args((value) => value, (value) => value));
  assert.deepEqual(await made(args((value) => pulumi.output(value), (value) => pulumi.output(value))), plain);
  assert.ok(Object.keys(plain).includes("aws:cloudwatch/metricAlarm:MetricAlarm start-engines-unhealthy-auth"));
});

test("undefined is not given", async () => {
  const { registrations } = await registrationsOf(
    () =>
      new StartEngines("start-engines", {
        ...leastArguments(),
        architecture: undefined,
        permissionsBoundary: undefined,
        functionName: undefined,
        alarms: { durationPercent: undefined },
        buffered: undefined,
      }),
  );
  const { name, architectures } = inputsOf(registrations, "aws:lambda/function:Function");
  assert.deepEqual([name, architectures], ["start-engines", ["x86_64"]]);
  const duration = inputsOf(registrations, "aws:cloudwatch/metricAlarm:MetricAlarm", "start-engines-duration");
  assert.equal(duration["threshold"], 24_000);
});

function problemsOf(change: Record<string, unknown>): string[] {
  try {
    checkArguments("start-engines", known({ ...soundArguments(), ...change }));
  } catch (error) {
    assert.ok(error instanceof pulumi.RunError);
    return error.message.split("\n  ").slice(1);
  }
  return [];
}

test("an output is refused aloud where resources or their names depend on it", () => {
  const cases: [change: Record<string, unknown>, place: string][] = [
    [{ functionName: output("a") }, "args.functionName"],
    [{ timeout: output(60) }, "args.timeout"],
    [{ queueRetentionDays: output(7) }, "args.queueRetentionDays"],
    [{ reconcileSchedule: output("off") }, "args.reconcileSchedule"],
    [{ dashboard: output(false) }, "args.dashboard"],
    [{ iamPrefixes: output({}) }, "args.iamPrefixes"],
    [{ iamPrefixes: { families: [output("auth*")] } }, "args.iamPrefixes.families[0]"],
    [{ buffered: output(true) }, "args.buffered"],
    [{ buffered: { requests: { batchSize: output(5) } } }, "args.buffered.requests.batchSize"],
    [{ targetGroups: output({}) }, "args.targetGroups"],
    [{ targetGroups: { auth: output({ arn: GROUP }) } }, "args.targetGroups.auth"],
    [{ services: output({}), schedules: {} }, "args.services"],
    [{ schedules: output({}) }, "args.schedules"],
    [{ schedules: { office: output({}) } }, "args.schedules.office"],
    [{ schedules: { office: { service: output("auth"), start: "rate(1 day)" } } }, "args.schedules.office.service"],
    [{ alarms: output({}) }, "args.alarms"],
    [{ alarms: { enabled: output(false) } }, "args.alarms.enabled"],
  ];
  const rule = "must be a plain value: which resources there are, or what they are called, depends on it";
  for (const [change, place] of cases) assert.deepEqual(problemsOf(change), [`${place} = an output: ${rule}`], place);
});

test("clusters that are an output of unknown length have one schedule, and what the policies have room for", async () => {
  const clusters = [CLUSTER, ...Array.from({ length: 9 }, (_, n) => CLUSTER.replace("engines", `workers-${n}`))];
  const made = async (given: StartEnginesArgs["clusters"]) => {
    const { registrations } = await registrationsOf(() => new StartEngines("start-engines", { ...leastArguments(), clusters: given }));
    assert.equal(variablesOf(registrations)["ALLOWED_CLUSTERS"], clusters.join(","));
    return registrations.map(({ type, name }) => `${type} ${name}`).sort();
  };
  assert.deepEqual(await made(output(clusters)), await made(clusters));
});

test("a resource without the output that its place takes is a problem", async () => {
  await registrationsOf(() => {
    const topic = new aws.sns.Topic("people");
    const component = new pulumi.ComponentResource("example:index:Nothing", "nothing");
    const args = { ...leastArguments(), clusters: [component], taskFamilies: [topic], taskRoles: [TASK_ROLE], defaults: { subnets: [SUBNET], securityGroups: [SECURITY_GROUP, component] } };
    assert.throws(
      () => new StartEngines("start-engines", args as unknown as StartEnginesArgs),
      (error: Error) => {
        assert.deepEqual(error.message.split("\n  ").slice(1), [
          "args.clusters[0] = a resource: must be a text, or a resource that has the output arn",
          "args.taskFamilies[0] = a resource: must be a text, or a resource that has the output family",
          "args.defaults.securityGroups[1] = a resource: must be a text, or a resource that has the output id",
        ]);
        return true;
      },
    );
  });
});
