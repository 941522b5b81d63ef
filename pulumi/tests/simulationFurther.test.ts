/** The documents that arguments add to: network, traces, keys, sources, places elsewhere; judged by another's IAM engine. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type * as pulumi from "@pulumi/pulumi";

import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import type { PolicyDocument } from "../component/src/policies/document";
import * as calls from "./support/calls";
import { assertAnswers, mayService } from "./support/judge";
import { registrationsOf } from "./support/mocks";
import { KEY, SECURITY_GROUP, soundArguments, SUBNET } from "./support/soundArguments";

const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
const START = "Start ECS Task";
const STOP = "Stop ECS Task";
const RECONCILE = "Reconcile ECS Targets";

async function deploy(change: Partial<StartEnginesArgs>) {
  const { registrations, result } = await registrationsOf(() => new StartEngines("start-engines", { ...soundArguments(), ...change }));
  const policy = (name = "start-engines", type = ROLE_POLICY): PolicyDocument => {
    const found = registrations.find((made) => made.type === type && made.name === name);
    return JSON.parse(String(found?.inputs["policy"])) as PolicyDocument;
  };
  return { policy, result };
}

function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

/** The statements that are in one policy and not in the other. */
function added(one: PolicyDocument, other: PolicyDocument): string[] {
  const sids = new Set(other.Statement.map(({ Sid }) => Sid));
  return one.Statement.map(({ Sid }) => Sid).filter((sid) => !sids.has(sid));
}

describe("a function in a VPC", () => {
  const vpcConfig = { subnetIds: [SUBNET], securityGroupIds: [SECURITY_GROUP] };
  const lambda = [
    calls.onInterface("CreateNetworkInterface"),
    calls.onInterface("CreateNetworkInterface", "subnet"),
    calls.onInterface("CreateNetworkInterface", "security-group"),
    calls.onInterface("DeleteNetworkInterface"),
    calls.onInterface("AssignPrivateIpAddresses"),
    calls.onInterface("UnassignPrivateIpAddresses"),
    calls.describeNetworkInterfaces(),
    calls.describeSubnets(),
  ];

  test("Lambda may do with its role what the Lambda guide lists, and nothing else", async () => {
    const [inside, outside] = [(await deploy({ vpcConfig })).policy(), (await deploy({})).policy()];
    await assertAnswers(inside, lambda, [calls.onInterface("ModifyNetworkInterfaceAttribute"), calls.onInterface("DetachNetworkInterface")]);
    await assertAnswers(outside, [calls.describeNetworkInterfaces()], lambda.filter(({ action }) => action !== "ec2:DescribeNetworkInterfaces"));
    assert.deepEqual(added(inside, outside), ["LambdaInVpc", "NotByItsCode"]);
    const listed = inside.Statement.find(({ Sid }) => Sid === "LambdaInVpc")?.Action ?? [];
    assert.deepEqual([...listed].sort(), [...new Set(lambda.map(({ action }) => action))].sort());
  });

  // The engine does not know the key that Lambda adds to what the code calls, so the statement is compared.
  test("and its code may not, but for what it asks EC2", async () => {
    const denied = (await deploy({ vpcConfig })).policy().Statement.find(({ Sid }) => Sid === "NotByItsCode");
    assert.deepEqual(denied, {
      Sid: "NotByItsCode",
      Effect: "Deny",
      Action: ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"],
      Resource: "*",
      Condition: { ArnEquals: { "lambda:SourceFunctionArn": "arn:aws:lambda:us-east-1:111122223333:function:start-engines" } },
    });
  });
});

test("traces may be sent with active tracing only", async () => {
  const traces = [calls.sendTraces("PutTraceSegments"), calls.sendTraces("PutTelemetryRecords")];
  await assertAnswers((await deploy({ tracing: "Active" })).policy(), traces, []);
  await assertAnswers((await deploy({ tracing: "PassThrough" })).policy(), [], traces);
  await assertAnswers((await deploy({})).policy(), [], traces);
});

describe("a key of one's own", () => {
  const via = (service: string) => ({ "kms:ViaService": service });
  const sqs = via("sqs.us-east-1.amazonaws.com");
  const other = KEY.replace("1234abcd", "5678abcd");
  const ofFunction = (name: string) => ({ "kms:EncryptionContext:aws:lambda:FunctionArn": `arn:aws:lambda:us-east-1:111122223333:function:${name}` });
  const send = [calls.onKey("GenerateDataKey", KEY, sqs), calls.onKey("Decrypt", KEY, sqs)];
  const never = [
    calls.onKey("Decrypt", other, sqs),
    calls.onKey("Decrypt", KEY, via("sqs.eu-west-1.amazonaws.com")),
    calls.onKey("Decrypt", KEY, via("secretsmanager.us-east-1.amazonaws.com")),
    calls.onKey("Decrypt", KEY, {}),
    calls.onKey("Encrypt", KEY, sqs),
    calls.onKey("Decrypt", KEY, ofFunction("other")),
  ];

  test("the function's role may send to encrypted queues, receive from them, and read its environment", async () => {
    const environment = calls.onKey("Decrypt", KEY, ofFunction("start-engines"));
    await assertAnswers((await deploy({ kmsKeyArn: KEY, buffered: true })).policy(), [...send, environment], never);
    await assertAnswers((await deploy({ buffered: true })).policy(), [], [...send, environment]);
  });

  test("the schedules' roles may put what was not delivered into the encrypted queue", async () => {
    const [encrypted, plain] = [await deploy({ kmsKeyArn: KEY }), await deploy({})];
    const environment = calls.onKey("Decrypt", KEY, ofFunction("start-engines"));
    for (const role of ["start-engines-schedules", "start-engines-later"]) {
      await assertAnswers(encrypted.policy(role), send, [...never, environment]);
      await assertAnswers(plain.policy(role), [], send);
    }
  });

  test("operators may read what failed, and put nothing into queues", async () => {
    const [encrypted, plain] = [await deploy({ kmsKeyArn: KEY }), await deploy({})];
    const operators = (of: typeof plain) => of.policy("start-engines-operators", "aws:iam/policy:Policy");
    await assertAnswers(operators(encrypted), [calls.onKey("Decrypt", KEY, sqs)], [...never, calls.onKey("GenerateDataKey", KEY, sqs)]);
    await assertAnswers(operators(plain), [], [calls.onKey("Decrypt", KEY, sqs)]);
  });

  test("by its own policy EventBridge may use it for the deployment's queues, CloudWatch Logs for its log group, and nobody else", async () => {
    const { result } = await deploy({ kmsKeyArn: KEY });
    const policy = JSON.parse(await settled(result.kmsKeyPolicyStatements)) as PolicyDocument;
    const forQueue = (name: string) => ({ "kms:EncryptionContext:aws:sqs:arn": `arn:aws:sqs:us-east-1:111122223333:${name}` });
    const forLogs = (name: string) => ({ "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:us-east-1:111122223333:log-group:${name}` });
    const [events, logs] = ["events.amazonaws.com", "logs.us-east-1.amazonaws.com"];
    for (const operation of ["GenerateDataKey", "Decrypt"] as const) {
      const may = (principal: string, keys: calls.Call["keys"]) => mayService(policy, principal, calls.onKey(operation, KEY, keys));
      for (const queue of ["undelivered", "requests", "state-changes"]) assert.ok(await may(events, forQueue(`start-engines-${queue}`)), queue);
      assert.ok(await may(logs, forLogs("/aws/lambda/start-engines")));
      assert.ok(!(await may(events, forQueue("start-engines-failures"))));
      assert.ok(!(await may(events, forQueue("another"))));
      assert.ok(!(await may(events, {})));
      assert.ok(!(await may("sns.amazonaws.com", forQueue("start-engines-undelivered"))));
      assert.ok(!(await may(logs, forLogs("/aws/lambda/another"))));
      assert.ok(!(await may(logs, forQueue("start-engines-undelivered"))));
      assert.ok(!(await may("logs.eu-west-1.amazonaws.com", forLogs("/aws/lambda/start-engines"))));
    }
  });
});

test("an application with the policy of its source speaks for no other", async () => {
  const { result } = await deploy({ sources: ["app.tenants", "app.billing"] });
  const of = async (source: string, request: "start" | "stop" | "reconcile") =>
    JSON.parse(await settled(result.sourcePolicy(source, request))) as PolicyDocument;
  const send = (source: string, type: string, bus = "engines") => calls.putEvents(bus, [source], [type]);
  await assertAnswers(await of("app.tenants", "start"), [send("app.tenants", START)], [
    send("app.billing", START),
    send("app.tenants", STOP),
    send("app.tenants", RECONCILE),
    send("app.tenants", START, "default"),
    calls.putEvents("engines", ["app.tenants", "app.billing"], [START]),
  ]);
  await assertAnswers(await of("app.billing", "stop"), [send("app.billing", STOP)], [send("app.tenants", STOP), send("app.billing", START)]);
  await assertAnswers(await of("app.billing", "reconcile"), [send("app.billing", RECONCILE)], [send("app.tenants", RECONCILE)]);
});

test("outcome events may go to the bus of another account, and to no other there", async () => {
  const there = (bus: string): calls.Call => {
    const call = calls.putEvents(bus, ["start-engines"], ["ECS Task Started"]);
    return { ...call, parts: { ...call.parts, Account: "444455556666" } };
  };
  const { policy } = await deploy({ outcomeEventBus: "arn:aws:events:us-east-1:444455556666:event-bus/outcomes" });
  await assertAnswers(policy(), [there("outcomes")], [there("default"), calls.putEvents("outcomes", ["start-engines"], ["ECS Task Started"])]);
});

test("the function may write to the log group of one's own, and to no other", async () => {
  const { policy } = await deploy({ logGroup: "/teams/engines" });
  const actions = ["CreateLogStream", "PutLogEvents"] as const;
  await assertAnswers(
    policy(),
    actions.map((action) => calls.writeLogs(action, "/teams/engines")),
    actions.map((action) => calls.writeLogs(action, "/aws/lambda/start-engines")),
  );
});
