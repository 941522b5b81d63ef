/** A key of one's own: where it is given on, and what its policy must have. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { checkArguments } from "../component/src/check";
import { kmsKeyPolicyStatements, StartEngines, type StartEnginesArgs } from "../component/src/index";
import { known } from "../component/src/known";
import { keyPolicy } from "../component/src/policies/keyPolicy";
import { type Registration, registrationsOf } from "./support/mocks";
import { CLUSTER, KEY, soundArguments } from "./support/soundArguments";

type Inputs = Registration["inputs"];

function of(registrations: readonly Registration[], type: string): Inputs[] {
  return registrations.filter((made) => made.type === type).map(({ inputs }) => inputs);
}

async function deploy(change: Partial<StartEnginesArgs>): Promise<Registration[]> {
  const { registrations } = await registrationsOf(() => new StartEngines("start-engines", { ...soundArguments(), ...change }));
  return registrations;
}

function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

test("queues, log group and environment have the key, and SQS's own no more", async () => {
  const registrations = await deploy({ kmsKeyArn: KEY, buffered: true });
  const queues = of(registrations, "aws:sqs/queue:Queue");
  assert.equal(queues.length, 6);
  for (const queue of queues) assert.deepEqual([queue["kmsMasterKeyId"], queue["sqsManagedSseEnabled"]], [KEY, undefined]);
  assert.equal(of(registrations, "aws:cloudwatch/logGroup:LogGroup")[0]?.["kmsKeyId"], KEY);
  assert.equal(of(registrations, "aws:lambda/function:Function")[0]?.["kmsKeyArn"], KEY);
});

test("without it nothing changes, and no policy speaks of keys", async () => {
  const registrations = await deploy({ buffered: true });
  for (const queue of of(registrations, "aws:sqs/queue:Queue")) assert.deepEqual([queue["kmsMasterKeyId"], queue["sqsManagedSseEnabled"]], [undefined, true]);
  assert.ok(!JSON.stringify(registrations.map(({ inputs }) => inputs["policy"])).includes("kms:"));
});

test("a key is taken as a resource, and only by the ARN of a key in the region", async () => {
  const { registrations } = await registrationsOf(() => {
    const key = new aws.kms.Key("engines", {});
    return new StartEngines("start-engines", { ...soundArguments(), kmsKeyArn: key });
  });
  assert.equal(of(registrations, "aws:lambda/function:Function")[0]?.["kmsKeyArn"], KEY);
  const problemsOf = (kmsKeyArn: string): string[] => {
    try {
      checkArguments("start-engines", known({ ...soundArguments(), kmsKeyArn }));
    } catch (error) {
      return (error as Error).message.split("\n  ").slice(1);
    }
    return [];
  };
  const rule = "must be the ARN of a KMS key, not of an alias (arn:aws:kms:REGION:ACCOUNT:key/ID)";
  const alias = KEY.replace(/key\/.*/, "alias/engines");
  assert.deepEqual(problemsOf(alias), [`args.kmsKeyArn = "${alias}": ${rule}`]);
  const there = KEY.replace("us-east-1", "eu-west-1");
  assert.match(problemsOf(there)[0] ?? "", /^args\.kmsKeyArn = .*: must be in region us-east-1, like all other ARNs; the account may be another$/);
  assert.deepEqual(problemsOf(KEY.replace("111122223333", "444455556666")), []);
  assert.deepEqual(problemsOf(KEY.replace(/key\/.*/, "key/mrk-1234abcd12ab34cd56ef1234567890ab")), []);
});

test("what the key's policy must have is an output, and the same before there is a component", async () => {
  const { result } = await registrationsOf(() => ({
    component: new StartEngines("start-engines", { ...soundArguments(), kmsKeyArn: KEY }),
    before: kmsKeyPolicyStatements({ functionName: "start-engines", clusters: [new aws.ecs.Cluster("engines")] }),
  }));
  const [output, before] = [await settled(result.component.kmsKeyPolicyStatements), await settled(result.before)];
  assert.equal(output, before);
  const queue = (name: string) => `arn:aws:sqs:us-east-1:111122223333:start-engines-${name}`;
  assert.deepEqual(JSON.parse(output), {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "StartEnginesRules",
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: ["kms:GenerateDataKey", "kms:Decrypt"],
        Resource: "*",
        Condition: {
          ArnEquals: { "kms:EncryptionContext:aws:sqs:arn": [queue("undelivered"), queue("requests"), queue("state-changes")] },
        },
      },
      {
        Sid: "StartEnginesLogs",
        Effect: "Allow",
        Principal: { Service: "logs.us-east-1.amazonaws.com" },
        Action: ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        Resource: "*",
        Condition: {
          ArnEquals: { "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/start-engines" },
        },
      },
    ],
  });
});

test("the queues that EventBridge sends to are those that the policy names", async () => {
  const registrations = await deploy({ kmsKeyArn: KEY, buffered: true });
  const targets = of(registrations, "aws:cloudwatch/eventTarget:EventTarget");
  const used = targets.flatMap((target) => [target["arn"], (target["deadLetterConfig"] as { arn: string }).arn]);
  const { result } = await registrationsOf(() => kmsKeyPolicyStatements({ functionName: "start-engines", clusters: [CLUSTER] }));
  const { Statement } = JSON.parse(await settled(result)) as { Statement: { Condition: { ArnEquals: Record<string, string[]> } }[] };
  const named = Statement[0]?.Condition.ArnEquals["kms:EncryptionContext:aws:sqs:arn"];
  assert.deepEqual([...new Set(used)].sort(), [...(named ?? [])].sort());
});

test("a log group of one's own is no matter of this key's", async () => {
  const args = { ...soundArguments(), kmsKeyArn: KEY, logGroup: "/mine" };
  const { result } = await registrationsOf(() => ({
    output: new StartEngines("start-engines", args).kmsKeyPolicyStatements,
    before: kmsKeyPolicyStatements({ functionName: "start-engines", clusters: [CLUSTER], logGroup: "/mine" }),
  }));
  const output = await settled(result.output);
  assert.equal(output, await settled(result.before));
  assert.ok(!output.includes("logs."), output);
});

test("CloudWatch Logs has the name of its region and partition", () => {
  const named = (partition: string, region: string) => {
    const scope = { partition, region, account: "111122223333" };
    const { Statement } = keyPolicy({ scope, queueNames: ["q"], logGroupName: "l" });
    return (Statement[1]?.Principal as { Service: string }).Service;
  };
  assert.equal(named("aws-us-gov", "us-gov-west-1"), "logs.us-gov-west-1.amazonaws.com");
  assert.equal(named("aws-cn", "cn-north-1"), "logs.cn-north-1.amazonaws.com.cn");
  assert.equal(keyPolicy({ scope: { partition: "aws", region: "eu-west-1", account: "1" }, queueNames: [], logGroupName: undefined }).Statement.length, 1);
});
