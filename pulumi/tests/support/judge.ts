/** Another's IAM engine, asked about one policy. */

import assert from "node:assert/strict";

import { runSimulation } from "@cloud-copilot/iam-simulate";

import type { PolicyDocument } from "../../component/src/policies/document";
import { resourcesOf } from "./authorization";
import type * as calls from "./calls";

const ACCOUNT = "111122223333";
const ROLE = `arn:aws:iam::${ACCOUNT}:role/start-engines`;

/** The own policy of a key that leaves to IAM who may use it, without which KMS lets nobody. */
const TO_IAM = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" }],
};

/**
 * Of the keys of an encryption context the engine knows only what stands for all of them in the reference. Their values, which are
 * ARNs of different services, tell them apart.
 */
function inWordsOfReference<T>(value: T): T {
  const text = JSON.stringify(value).replace(/"kms:EncryptionContext:[a-z]+:[^"]+"/g, '"kms:EncryptionContext:${EncryptionContextKey}"');
  return JSON.parse(text) as T;
}

/** One policy, or all that a role has. */
export type Policies = PolicyDocument | readonly PolicyDocument[];

function listOf(policies: Policies): readonly PolicyDocument[] {
  return "Statement" in policies ? [policies] : policies;
}

/** Whether a role with these policies is allowed a call. */
async function isAllowed(call: calls.Call, resource: string, policies: Policies): Promise<boolean> {
  const result = await runSimulation(
    {
      request: {
        principal: ROLE,
        action: call.action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: inWordsOfReference({ ...call.keys }),
      },
      identityPolicies: listOf(policies).map((policy, n) => ({ name: `policy-${n}`, policy: inWordsOfReference(policy) })),
      ...(call.action.startsWith("kms:") && { resourcePolicy: TO_IAM }),
      serviceControlPolicies: [
        {
          orgIdentifier: "o-1",
          policies: [
            { name: "all", policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] } },
          ],
        },
      ],
      resourceControlPolicies: [],
    },
    {},
  );
  assert.ok(result.resultType !== "error", JSON.stringify(result));
  // A key that the action does not have would be dropped, and prove nothing.
  const ignored = result.resultType === "single" ? [result.result] : result.results;
  for (const one of ignored) assert.deepEqual(one.ignoredContextKeys, [], call.action);
  if (result.resultType === "single") return result.overallResult === "Allowed";
  // Asked about `*`, the engine allows what is allowed on a part of it. AWS does not: a policy must say `*` itself.
  return result.results.some((one) => one.resourcePattern === resource && one.analysis.result === "Allowed");
}

/** Some calls are allowed and others denied, on every resource that AWS may ask about. */
export async function assertAnswers(policy: Policies, allowed: calls.Call[], denied: calls.Call[]): Promise<void> {
  const must = async (call: calls.Call, expected: boolean) => {
    for (const resource of await resourcesOf(call)) {
      const what = `${expected ? "allowed" : "denied"}: ${JSON.stringify(call)} on ${resource}`;
      assert.equal(await isAllowed(call, resource, policy), expected, what);
    }
  };
  for (const call of allowed) await must(call, true);
  for (const call of denied) await must(call, false);
}

/** Whether a resource's own policy allows a call to a service, which is no principal of the account. */
export async function mayService(policy: PolicyDocument, principal: string, call: calls.Call): Promise<boolean> {
  const [resource = ""] = await resourcesOf(call);
  const result = await runSimulation(
    {
      request: { principal, action: call.action, resource: { resource, accountId: ACCOUNT }, contextVariables: inWordsOfReference({ ...call.keys }) },
      identityPolicies: [],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: inWordsOfReference(policy),
    },
    {},
  );
  assert.ok(result.resultType !== "error", JSON.stringify(result));
  const ignored = result.resultType === "single" ? [result.result] : result.results;
  for (const one of ignored) assert.deepEqual(one.ignoredContextKeys, [], call.action);
  return result.overallResult === "Allowed";
}
