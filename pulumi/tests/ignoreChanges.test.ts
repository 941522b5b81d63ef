/** What an update leaves as it is though the program says something else: each with its reason, and nothing beside. */

import assert from "node:assert/strict";
import { test } from "node:test";

import type * as pulumi from "@pulumi/pulumi";

import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { largeArguments } from "./support/largeArguments";
import { registrationsOf } from "./support/mocks";
import { KEY, SECURITY_GROUP, soundArguments, SUBNET } from "./support/soundArguments";

const ROLE = "aws:iam/role:Role";
const POLICY = "aws:iam/policy:Policy";

/** By type and input: why it may not change. */
const REASONS: Readonly<Record<string, string>> = {
  [`${ROLE} name`]: "another name is another role, and the policies that others have attached to this one are not with it",
  [`${ROLE} path`]: "with another path IAM makes another role, whose name is taken in all paths while this one is there",
  [`${POLICY} name`]: "another name is another policy, and it is attached to nobody",
  [`${POLICY} description`]: "IAM cannot change it, so that the policy would be made anew, and be attached to nobody",
};

/** All that is ignored, by type and input; and of each child what is. */
async function ignoredBy(args: StartEnginesArgs) {
  const ignored = new Set<string>();
  const children = new Map<string, Set<string>>();
  const watch: pulumi.ResourceTransformation = ({ type, name, opts }) => {
    const inputs = opts.ignoreChanges ?? [];
    for (const input of inputs) ignored.add(`${type} ${input}`);
    children.set(`${type} ${name}`, new Set(inputs));
    return undefined;
  };
  await registrationsOf(() => new StartEngines("start-engines", args, { transformations: [watch] }));
  return { ignored, children };
}

/** With all that makes further resources: several policies, queues, a network, a key. */
const EVERYTHING: Partial<StartEnginesArgs> = {
  buffered: true,
  keep: true,
  kmsKeyArn: KEY,
  tracing: "Active",
  vpcConfig: { subnetIds: [SUBNET], securityGroupIds: [SECURITY_GROUP] },
  rolePath: "/teams/",
};

test("a change is ignored for a reason, and no other is", async () => {
  const { targetGroups, taskFamilies, taskRoles } = largeArguments({ services: 100, clusters: 1, groups: 100 });
  const large = { targetGroups, taskFamilies, taskRoles, services: undefined, catalogOnly: undefined, schedules: undefined, defaults: undefined };
  for (const args of [soundArguments(), { ...soundArguments(), ...EVERYTHING }, { ...soundArguments(), ...EVERYTHING, ...large }]) {
    const { ignored } = await ignoredBy(args);
    assert.deepEqual([...ignored].sort(), Object.keys(REASONS).sort());
  }
});

test("it is ignored of every role and every policy", async () => {
  const { children } = await ignoredBy({ ...soundArguments(), ...EVERYTHING });
  for (const [type, inputs] of [[ROLE, ["name", "path"]], [POLICY, ["name", "description"]]] as const) {
    const of = [...children].filter(([child]) => child.startsWith(`${type} `));
    assert.ok(of.length >= 3, type);
    for (const [child, found] of of) assert.deepEqual([...found].sort(), [...inputs].sort(), child);
  }
});
