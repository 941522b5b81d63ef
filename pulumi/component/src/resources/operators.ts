/** The policies for people who use the command. */

import * as iam from "@pulumi/aws/iam";
import type * as pulumi from "@pulumi/pulumi";

import { limitOperators } from "../limits";
import { document, type PolicyDocument } from "../policies/document";
import { SEE_TASK_DEFINITIONS } from "../policies/functionPolicy";
import { atLeast, forManaged } from "../policies/spread";
import { Problems, refuse } from "../problems";
import { type Context, iamName, json, keepsName } from "./context";

/** One managed policy, and further ones where one has no room for all names; whoever needs them needs all of them. */
export function createOperatorPolicies(context: Context, whole: pulumi.Output<PolicyDocument>): iam.Policy[] {
  const { name, functionName, args, policies } = context;
  const documents = whole.apply((known) => {
    const needed = forManaged(known, policies.operators);
    const problems = new Problems();
    limitOperators({ documents: needed, managed: policies.operators }, problems);
    refuse(name, problems.list);
    return atLeast(policies.operators, needed, SEE_TASK_DEFINITIONS);
  });
  return Array.from({ length: policies.operators }, (_, n) => {
    const suffix = n === 0 ? "operators" : `operators-${n + 1}`;
    return new iam.Policy(
      `${name}-${suffix}`,
      {
        name: iamName(context, suffix),
        description: `May look after the tasks of ${functionName} with the command start-engines${n === 0 ? "" : `, part ${n + 1}`}`,
        policy: json(documents.apply((known) => known[n] ?? document())),
        tags: args.tags,
      },
      keepsName(context),
    );
  });
}
